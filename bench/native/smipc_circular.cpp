// A circular buffer: pushes a second of one writer on core 0, while --readers of them on core 1 pop what
// they can and check it. --batch items of --size bytes go in one call; --capacity bytes in all.
// One line of JSON; "also" in it are the items that all of the readers together got meanwhile, "pops".
#include <algorithm>
#include <atomic>
#include <cstring>
#include <smipc.hpp>
#include <vector>

#include "names.hpp"
#include "options.hpp"
#include "pair.hpp"

namespace {

using bench::Options;

constexpr std::size_t kItemsInAPop = 512;
constexpr std::uint64_t kIdleNs = 2000;  // between looks at an empty buffer
constexpr std::uint64_t kMostReaders = 64;

struct Shared {
  alignas(128) std::atomic<std::uint64_t> ready{0};
  struct alignas(128) Reader {
    std::atomic<std::uint64_t> items{0};
  } readers[kMostReaders];

  std::uint64_t items() const {
    std::uint64_t sum = 0;
    for (const Reader& reader : readers) sum += reader.items.load(std::memory_order_relaxed);
    return sum;
  }
};

void pause_for(std::uint64_t ns) {
  const std::uint64_t until = bench::now_ns() + ns;
  while (bench::now_ns() < until) bench::relax();
}

// Until an item of number 0 comes: it is the last one.
void read_all(const Options& options, const std::string& name, Shared& shared,
              std::atomic<std::uint64_t>& popped) {
  smipc::CircularBufferReader reader(name);
  ++shared.ready;
  const std::size_t most = std::min<std::size_t>(kItemsInAPop, options.capacity / options.size);
  std::vector<std::byte> items(most * options.size);
  std::uint64_t last = 0;
  for (;;) {
    const std::size_t count = reader.pop(items);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint64_t number = 0;
      std::memcpy(&number, items.data() + i * options.size, sizeof number);
      if (number == 0) return;
      if (number <= last) bench::fail("item " + std::to_string(number) + " is out of place");
      last = number;
    }
    popped.store(popped.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    if (count == 0) pause_for(kIdleNs);
  }
}

// In a child; 0: it came to the end.
int be_reader(const Options& options, const std::string& name, Shared& shared,
              std::atomic<std::uint64_t>& popped) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  bench::pin_to_core(1);
  for (;;) {
    try {
      read_all(options, name, shared, popped);
      return 0;
    } catch (const smipc::Error& error) {
      if (error.status() != SMIPC_E_NOT_FOUND) bench::fail(error.what());
      pause_for(50'000);  // the writer makes it
    }
  }
}

class Pusher {
 public:
  Pusher(const Options& options, const std::string& name)
      : options_(options),
        writer_(name, {.item_size = options.size, .length = options.capacity / options.size}),
        items_(options.size * options.batch) {}

  // Pushes a second.
  double push_for(double seconds) {
    const std::uint64_t first = next_;
    const std::uint64_t begin = bench::now_ns();
    const std::uint64_t until = begin + static_cast<std::uint64_t>(seconds * 1e9);
    std::uint64_t now = begin;
    for (; now < until; now = bench::now_ns()) {
      for (int call = 0; call < 256; ++call) push_once();
    }
    return static_cast<double>(next_ - first) / (static_cast<double>(now - begin) / 1e9);
  }
  void push_last() {
    const std::vector<std::byte> nothing(options_.size);
    writer_.push(nothing);
  }

 private:
  void push_once() {
    for (std::size_t at = 0; at < items_.size(); at += options_.size, ++next_) {
      std::memcpy(items_.data() + at, &next_, sizeof next_);
    }
    writer_.push(items_);
  }

  Options options_;
  smipc::CircularBufferWriter writer_;
  std::vector<std::byte> items_;
  std::uint64_t next_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = bench::parse_options(argc, argv);
  if (options.kind != "push") bench::fail("unknown kind: " + options.kind);
  const std::string name = bench::unique_name("circular");
  if (options.readers > kMostReaders) bench::fail("too many readers");
  auto& shared = *new (bench::map_shared(sizeof(Shared))) Shared;
  std::vector<pid_t> readers;
  for (std::uint64_t i = 0; i < options.readers; ++i) {
    readers.push_back(fork());
    bench::check_os(readers.back() >= 0, "fork");
    if (readers.back() == 0) {
      std::_Exit(be_reader(options, name, shared, shared.readers[i].items));
    }
  }
  bench::pin_to_core(0);
  Pusher pusher(options, name);
  while (shared.ready < options.readers) pause_for(50'000);
  pusher.push_for(options.seconds / 4);
  const std::uint64_t items_before = shared.items(), begin = bench::now_ns();
  const double rate = pusher.push_for(options.seconds);
  const double pops = static_cast<double>(shared.items() - items_before) /
                      (static_cast<double>(bench::now_ns() - begin) / 1e9);
  pusher.push_last();
  for (const pid_t reader : readers) {
    int status = 0;
    bench::check_os(waitpid(reader, &status, 0) == reader, "waitpid");
    if (status != 0) bench::fail("a reader failed");
  }
  std::printf(
      "{\"value\": %.1f, \"unit\": \"messages/s\", \"bytes_per_second\": %.1f, "
      "\"also\": {\"pops\": {\"value\": %.1f, \"unit\": \"messages/s\"}}}\n",
      rate, rate * static_cast<double>(options.size), pops);
}
