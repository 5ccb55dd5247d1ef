// Messages a second through one queue with four senders and four receivers, processes all, on two cores:
// how much of the speed of a pair is left. Kind smipc or boost; one line of JSON.
#include <optional>
#include <smipc.hpp>
#include <vector>

#if __has_include(<boost/interprocess/ipc/message_queue.hpp>)
#include <boost/interprocess/ipc/message_queue.hpp>
#define HAS_BOOST 1
#endif

#include "names.hpp"
#include "options.hpp"
#include "pair.hpp"

namespace {

using bench::Options;

constexpr int kEach = 4;

struct Shared {
  alignas(128) std::atomic<int> ready{0};
  alignas(128) std::atomic<bool> stops{false};
  struct alignas(128) Count {
    std::atomic<std::uint64_t> received{0};
  } counts[kEach];
};

class SmipcQueue {
 public:
  SmipcQueue(const std::string& name, const Options& options)
      : queue_(name, {.max_messages = static_cast<std::uint32_t>(options.capacity / options.size),
                      .max_message_size = options.size,
                      .existence = smipc::Existence::kLinkOrCreate,
                      .unlink = smipc::Unlink::kNever}) {}
  static void remove(const std::string& name) { smipc::MessageQueue::unlink(name); }
  void send(std::span<const std::byte> data) { queue_.send(data); }
  void receive(std::span<std::byte> buffer) { (void)queue_.receive(buffer); }

 private:
  smipc::MessageQueue queue_;
};

#if defined(HAS_BOOST)
class BoostQueue {
 public:
  BoostQueue(const std::string& name, const Options& options)
      : queue_(boost::interprocess::open_or_create, name.c_str(), options.capacity / options.size,
               options.size) {}
  static void remove(const std::string& name) {
    boost::interprocess::message_queue::remove(name.c_str());
  }
  void send(std::span<const std::byte> data) { queue_.send(data.data(), data.size(), 0); }
  void receive(std::span<std::byte> buffer) {
    std::size_t size = 0;
    unsigned priority = 0;
    queue_.receive(buffer.data(), buffer.size(), size, priority);
  }

 private:
  boost::interprocess::message_queue queue_;
};
#endif

void start_together(Shared* shared) {
  shared->ready.fetch_add(1);
  while (shared->ready.load() < 2 * kEach) bench::relax();
}

template <class Queue>
void work(const std::string& name, const Options& options, Shared* shared, int number) {
  Queue queue(name, options);
  std::vector<std::byte> message(options.size);
  start_together(shared);
  if (number < kEach) {
    while (!shared->stops.load(std::memory_order_relaxed)) queue.send(message);
    return;
  }
  std::atomic<std::uint64_t>& received = shared->counts[number - kEach].received;
  for (;;) {  // until it is killed: the senders may have stopped first
    queue.receive(message);
    received.store(received.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
}

std::uint64_t total(const Shared& shared) {
  std::uint64_t sum = 0;
  for (const Shared::Count& count : shared.counts) {
    sum += count.received.load(std::memory_order_relaxed);
  }
  return sum;
}

void sleep_for(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  const timespec time = {whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  nanosleep(&time, nullptr);
}

template <class Queue>
void measure(const Options& options) {
  auto* shared = new (bench::map_shared(sizeof(Shared))) Shared;
  const std::string name = bench::unique_name("crowd");
  std::vector<pid_t> children;
  for (int number = 0; number < 2 * kEach; ++number) {
    const pid_t child = fork();
    bench::check_os(child >= 0, "fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work<Queue>(name, options, shared, number);
      _exit(0);
    }
    children.push_back(child);
  }
  while (shared->ready.load() < 2 * kEach) sleep_for(0.001);
  sleep_for(options.seconds / 4);
  const std::uint64_t before = total(*shared);
  const std::uint64_t began = bench::now_ns();
  sleep_for(options.seconds);
  const std::uint64_t messages = total(*shared) - before;
  const double seconds = static_cast<double>(bench::now_ns() - began) / 1e9;
  shared->stops.store(true);
  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  Queue::remove(name);
  std::printf(
      "{\"messages\": %llu, \"seconds\": %.6f, \"value\": %.1f, \"unit\": \"messages/s\"}\n",
      static_cast<unsigned long long>(messages), seconds, static_cast<double>(messages) / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = bench::parse_options(argc, argv);
  if (options.kind == "smipc") {
    measure<SmipcQueue>(options);
  } else if (options.kind == "boost") {
#if defined(HAS_BOOST)
    measure<BoostQueue>(options);
#else
    bench::not_offered("built without Boost.Interprocess (Debian: libboost-dev)");
#endif
  } else {
    bench::fail("unknown kind: " + options.kind);
  }
}
