// What a channel costs besides its messages, through the C ABI. One kind a run, one line of JSON:
//   openclose   open + close of the only end: the segment is created and removed each time
//   attach      open + close of the second end, while another process holds the first
//   memory      bytes of /dev/shm that a channel with both ends open takes beyond its capacity
//   idle        CPU of a reader that waits for --seconds, in % of a core
//   idlewait    the same of smipc_wait with --channels readers
//   many        round trip while --channels more channels are open in the same two processes
#include <vector>

#include "costs.hpp"
#include "names.hpp"
#include "pair.hpp"

namespace {

using bench::close_end, bench::cpu_seconds, bench::median, bench::Options, bench::print;
using bench::shared_memory_files, bench::time_open_close;

void open_close(const Options& options) {
  print(time_open_close(options, bench::unique_name("open"), SMIPC_WRITER), "us");
}

void attach(const Options& options) {
  const std::string name = bench::unique_name("attach");
  bench::Control control;
  pid_t child = 0;
  if (bench::split(child) == bench::Side::kResponder) {
    smipc_channel* first = bench::open_end(name, SMIPC_READER, options);
    control.wait_for_both();
    control.next_order();
    close_end(first);
    _exit(0);
  }
  control.wait_for_both();
  print(time_open_close(options, name, SMIPC_WRITER), "us");
  control.order(0);
  waitpid(child, nullptr, 0);
}

void memory(const Options& options) {
  // The process's own files and the shared ones exist from the first channel on; this is the
  // second.
  const std::string first = bench::unique_name("first"), second = bench::unique_name("second");
  smipc_channel* warm[] = {bench::open_end(first, SMIPC_WRITER, options),
                           bench::open_end(first, SMIPC_READER, options)};
  const auto before = shared_memory_files();
  smipc_channel* ends[] = {bench::open_end(second, SMIPC_WRITER, options),
                           bench::open_end(second, SMIPC_READER, options)};
  double bytes = 0;
  for (const auto& [path, size] : shared_memory_files()) {
    const auto old = before.find(path);
    bytes += static_cast<double>(size) - static_cast<double>(old == before.end() ? 0 : old->second);
  }
  for (smipc_channel* end : {warm[0], warm[1], ends[0], ends[1]}) {
    close_end(end);
  }
  print(bytes - static_cast<double>(options.capacity), "B");
}

// The writers are there, in another process, and silent. `wait` waits for options.seconds.
template <class Wait>
void time_idling(const Options& options, std::uint64_t channels, Wait wait) {
  const std::string base = bench::unique_name("idle");
  bench::Control control;
  pid_t child = 0;
  const bool is_writer = bench::split(child) == bench::Side::kResponder;
  std::vector<smipc_channel*> ends;
  for (std::uint64_t i = 0; i < channels; ++i) {
    const std::string name = base + "-" + std::to_string(i);
    ends.push_back(bench::open_end(name, is_writer ? SMIPC_WRITER : SMIPC_READER, options));
  }
  control.wait_for_both();
  if (is_writer) {
    pause();
    _exit(0);
  }
  const double cpu_before = cpu_seconds();
  const std::uint64_t begin = bench::now_ns();
  const smipc_status status = wait(ends, static_cast<std::int64_t>(options.seconds * 1e9));
  const double wall = static_cast<double>(bench::now_ns() - begin) / 1e9;
  const double cpu = cpu_seconds() - cpu_before;
  if (status != SMIPC_E_TIMED_OUT) {
    bench::fail(std::string("the wait ended with ") + smipc_status_name(status));
  }
  print(cpu / wall * 100, "% of a core");
  signal(SIGCHLD, SIG_DFL);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (smipc_channel* end : ends) {
    close_end(end);
  }
}

void idle(const Options& options) {
  time_idling(options, 1, [](const std::vector<smipc_channel*>& ends, std::int64_t wait_ns) {
    char buffer[64];
    std::size_t size = 0;
    return smipc_channel_recv(ends[0], buffer, sizeof buffer, wait_ns, &size);
  });
}

void idle_wait(const Options& options) {
  time_idling(options, options.channels,
              [](const std::vector<smipc_channel*>& ends, std::int64_t wait_ns) {
                std::vector<std::uint8_t> ready(ends.size());
                return smipc_wait(ends.data(), ends.size(), wait_ns, ready.data(), nullptr);
              });
}

void many(const Options& options) {
  constexpr std::uint64_t kBlocks = 4000, kBlock = 64;
  const std::string base = bench::unique_name("many");
  bench::Control control;
  pid_t child = 0;
  const bool initiator = bench::split(child) == bench::Side::kInitiator;
  std::vector<smipc_channel*> others;
  for (std::uint64_t i = 0; i < options.channels; ++i) {
    const std::string name = base + "-" + std::to_string(i);
    others.push_back(bench::open_end(name, initiator ? SMIPC_READER : SMIPC_WRITER, options));
  }
  const auto writer = initiator ? "-there" : "-back", reader = initiator ? "-back" : "-there";
  smipc_channel* out = bench::open_end(base + writer, SMIPC_WRITER, options);
  smipc_channel* in = bench::open_end(base + reader, SMIPC_READER, options);
  control.wait_for_both();
  std::vector<unsigned char> buffer(options.size);
  std::size_t size = 0;
  const auto send = [&] {
    bench::check(smipc_channel_send(out, buffer.data(), buffer.size(), SMIPC_FOREVER), "send");
  };
  const auto recv = [&] {
    bench::check(smipc_channel_recv(in, buffer.data(), buffer.size(), SMIPC_FOREVER, &size),
                 "recv");
  };
  std::vector<double> times;
  for (std::uint64_t block = 0; block < kBlocks; ++block) {
    const std::uint64_t begin = bench::now_ns();
    for (std::uint64_t i = 0; i < kBlock; ++i) {
      if (initiator) {
        const std::uint64_t number = block * kBlock + i;
        std::memcpy(buffer.data(), &number, 8);
        send();
        recv();
        if (std::memcmp(buffer.data(), &number, 8) != 0) {
          bench::fail("another answer than the question");
        }
      } else {
        recv();
        send();
      }
    }
    times.push_back(static_cast<double>(bench::now_ns() - begin) / kBlock);
  }
  if (initiator) {
    print(median(times), "ns");
  }
  for (smipc_channel* end : others) {
    close_end(end);
  }
  close_end(out);
  close_end(in);
  if (!initiator) {
    _exit(0);
  }
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = bench::parse_options(argc, argv);
  const bench::Kinds kinds = {{"openclose", open_close}, {"attach", attach},
                              {"memory", memory},        {"idle", idle},
                              {"idlewait", idle_wait},   {"many", many}};
  bench::run_kind(options, kinds);
}
