// What a channel costs where there are --channels of them between the same two processes, through the C
// ABI. One kind a run, one line of JSON:
//   openclose   open + close of the last of them, while the others are open
//   wait        round trip of 8 bytes: the question comes through one of them after the other, to a
//               process that is in smipc_wait on all; the answer through one more
//   memory      bytes of /dev/shm that each takes beyond its capacity, the processes' own included
#include <vector>

#include "costs.hpp"
#include "names.hpp"

namespace {

using bench::Options;

constexpr std::uint64_t kLast = ~0ull;  // the question that ends the responder
constexpr std::uint64_t kWarmUp = 20;   // round trips that are not timed

std::vector<smipc_channel*> open_ends(const std::string& base, std::uint64_t count,
                                      std::uint32_t mode, const Options& options) {
  std::vector<smipc_channel*> ends;
  for (std::uint64_t i = 0; i < count; ++i) {
    ends.push_back(bench::open_end(base + "-" + std::to_string(i), mode, options));
  }
  return ends;
}

void close_ends(const std::vector<smipc_channel*>& ends) {
  for (smipc_channel* end : ends) {
    bench::close_end(end);
  }
}

// The other process opens `count` readers and keeps them until `measure`, given the writers, is done.
template <class Measure>
void with_open_pairs(const Options& options, std::uint64_t count, Measure measure) {
  const std::string base = bench::unique_name("many");
  bench::Control control;
  pid_t child = 0;
  const bool holds = bench::split(child) == bench::Side::kResponder;
  const auto ends = open_ends(base, count, holds ? SMIPC_READER : SMIPC_WRITER, options);
  control.wait_for_both();
  if (holds) {
    control.next_order();
    close_ends(ends);
    _exit(0);
  }
  measure();
  control.order(0);
  close_ends(ends);
  waitpid(child, nullptr, 0);
}

void open_close(const Options& options) {
  with_open_pairs(options, options.channels - 1, [&] {
    const std::string name = bench::unique_name("last");
    bench::print(bench::time_open_close(options, name, SMIPC_WRITER), "us");
  });
}

double bytes_of_shared_memory() {
  double bytes = 0;
  for (const auto& [path, size] : bench::shared_memory_files()) {
    bytes += static_cast<double>(size);
  }
  return bytes;
}

void memory(const Options& options) {
  const double before = bytes_of_shared_memory();
  with_open_pairs(options, options.channels, [&] {
    const double each = (bytes_of_shared_memory() - before) / static_cast<double>(options.channels);
    bench::print(each - static_cast<double>(options.capacity), "B");
  });
}

void send(smipc_channel* out, std::uint64_t number) {
  bench::check(smipc_channel_send(out, &number, sizeof number, SMIPC_FOREVER), "send");
}

std::uint64_t recv(smipc_channel* in, std::int64_t timeout_ns) {
  std::uint64_t number = 0;
  std::size_t size = 0;
  bench::check(smipc_channel_recv(in, &number, sizeof number, timeout_ns, &size), "recv");
  if (size != sizeof number) {
    bench::fail("received " + std::to_string(size) + " B");
  }
  return number;
}

void answer(const std::vector<smipc_channel*>& questions, smipc_channel* back) {
  std::vector<std::uint8_t> ready(questions.size());
  for (std::uint64_t expected = 0;; ++expected) {
    std::size_t count = 0;
    bench::check(
        smipc_wait(questions.data(), questions.size(), SMIPC_FOREVER, ready.data(), &count),
        "smipc_wait");
    const std::size_t asked = expected % questions.size();
    if (count != 1 || ready[asked] != 1) {
      bench::fail("smipc_wait names " + std::to_string(count) + " channels, or another one");
    }
    const std::uint64_t number = recv(questions[asked], 0);
    if (number == kLast) {
      send(back, kLast);
      return;
    }
    if (number != expected) {
      bench::fail("question " + std::to_string(expected) + " came as " + std::to_string(number));
    }
    send(back, number);
  }
}

double time_questions(const Options& options, const std::vector<smipc_channel*>& questions,
                      smipc_channel* back) {
  std::vector<double> times;
  std::uint64_t number = 0, until = 0;
  for (; number < kWarmUp + 5 || bench::now_ns() < until; ++number) {
    if (number == kWarmUp) {
      until = bench::now_ns() + static_cast<std::uint64_t>(options.seconds * 1e9);
    }
    const std::uint64_t begin = bench::now_ns();
    send(questions[number % questions.size()], number);
    if (recv(back, SMIPC_FOREVER) != number) {
      bench::fail("another answer than the question");
    }
    if (number >= kWarmUp) {
      times.push_back(static_cast<double>(bench::now_ns() - begin));
    }
  }
  // Answered, too: if this end were closed before it is read, smipc_wait would name every channel.
  send(questions[number % questions.size()], kLast);
  if (recv(back, SMIPC_FOREVER) != kLast) {
    bench::fail("another answer than the last");
  }
  return bench::median(times);
}

void wait(const Options& options) {
  const std::string base = bench::unique_name("wait");
  bench::Control control;
  pid_t child = 0;
  const bool asks = bench::split(child) == bench::Side::kInitiator;
  const auto questions =
      open_ends(base, options.channels, asks ? SMIPC_WRITER : SMIPC_READER, options);
  smipc_channel* back =
      bench::open_end(base + "-back", asks ? SMIPC_READER : SMIPC_WRITER, options);
  control.wait_for_both();
  if (asks) {
    bench::print(time_questions(options, questions, back), "ns");
  } else {
    answer(questions, back);
  }
  close_ends(questions);
  bench::close_end(back);
  if (!asks) {
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = bench::parse_options(argc, argv);
  const bench::Kinds kinds = {{"openclose", open_close}, {"wait", wait}, {"memory", memory}};
  if (options.channels == 0) {
    bench::fail("--channels is at least 1");
  }
  bench::run_kind(options, kinds);
}
