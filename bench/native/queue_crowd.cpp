// Messages a second through one queue that --processes share, half of them senders, half of them
// receivers, on two cores: how much of the speed of a pair is left. Kind smipc or boost; one line of JSON.
//
// A message carries its sender and that one's count. A receiver gets but a part of them, so it checks
// that the counts of each sender rise. That none is lost, and none comes twice, shows in the total:
// when the senders have stopped, as many have been received as were sent.
#include <cstring>
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

constexpr int kMostOfEach = 32;
constexpr std::uint64_t kPatienceNs = 20'000'000'000;  // for the receivers to empty the queue
constexpr int kSenderShift = 48;                       // above it the sender, below it its count

struct alignas(128) Count {
  std::atomic<std::uint64_t> messages{0};

  void add_one() {  // one writer
    messages.store(messages.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

struct Shared {
  alignas(128) std::atomic<int> ready{0};
  alignas(128) std::atomic<int> stopped{0};
  alignas(128) std::atomic<bool> stops{false};
  Count received[kMostOfEach];
  Count sent[kMostOfEach];
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

void sleep_for(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  const timespec time = {whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  nanosleep(&time, nullptr);
}

std::uint64_t total(const Count (&counts)[kMostOfEach]) {
  std::uint64_t sum = 0;
  for (const Count& count : counts) sum += count.messages.load(std::memory_order_relaxed);
  return sum;
}

void start_together(Shared* shared, int processes) {
  shared->ready.fetch_add(1);
  while (shared->ready.load() < processes) sleep_for(0.0001);
}

template <class Queue>
void send_all(Queue& queue, std::vector<std::byte>& message, Shared* shared, int sender) {
  std::uint64_t number = static_cast<std::uint64_t>(sender) << kSenderShift;
  while (!shared->stops.load(std::memory_order_relaxed)) {
    ++number;
    std::memcpy(message.data(), &number, sizeof number);
    shared->sent[sender].add_one();
    queue.send(message);
  }
  shared->stopped.fetch_add(1);
}

// Until it is killed: the senders may have stopped first.
template <class Queue>
void receive_all(Queue& queue, std::vector<std::byte>& message, Count& received) {
  std::uint64_t last[kMostOfEach] = {};
  for (;;) {
    queue.receive(message);
    std::uint64_t number = 0;
    std::memcpy(&number, message.data(), sizeof number);
    const std::uint64_t sender = number >> kSenderShift;
    if (sender >= kMostOfEach || number <= last[sender]) {
      bench::fail("message " + std::to_string(number) + " is out of place");
    }
    last[sender] = number;
    received.add_one();
  }
}

template <class Queue>
void work(const std::string& name, const Options& options, Shared* shared, int number) {
  Queue queue(name, options);
  std::vector<std::byte> message(options.size);
  const int each = static_cast<int>(options.processes / 2);
  start_together(shared, 2 * each);
  if (number < each) {
    send_all(queue, message, shared, number);
  } else {
    receive_all(queue, message, shared->received[number - each]);
  }
}

// Once the senders have stopped, the receivers empty the queue: what was sent has then come, all of it.
void check_totals(const Shared& shared, std::vector<pid_t>& children, int senders) {
  const auto waiting = [&] {
    return shared.stopped.load() < senders || total(shared.received) < total(shared.sent);
  };
  const std::uint64_t until = bench::now_ns() + kPatienceNs;
  while (waiting() && bench::now_ns() < until) {
    std::erase_if(children, [](pid_t child) {
      int status = 0;
      const bool ended = waitpid(child, &status, WNOHANG) == child;
      if (ended && status != 0) bench::fail("a process failed");
      return ended;
    });
    sleep_for(0.001);
  }
  if (waiting() || total(shared.received) != total(shared.sent)) {
    bench::fail(std::to_string(total(shared.sent)) + " messages were sent, " +
                std::to_string(total(shared.received)) + " received");
  }
}

template <class Queue>
void measure(const Options& options) {
  const int processes = static_cast<int>(options.processes / 2 * 2);
  auto* shared = new (bench::map_shared(sizeof(Shared))) Shared;
  const std::string name = bench::unique_name("crowd");
  std::vector<pid_t> children;
  for (int number = 0; number < processes; ++number) {
    const pid_t child = fork();
    bench::check_os(child >= 0, "fork");
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      work<Queue>(name, options, shared, number);
      _exit(0);
    }
    children.push_back(child);
  }
  while (shared->ready.load() < processes) sleep_for(0.001);
  sleep_for(options.seconds / 4);
  const std::uint64_t before = total(shared->received);
  const std::uint64_t began = bench::now_ns();
  sleep_for(options.seconds);
  const std::uint64_t messages = total(shared->received) - before;
  const double seconds = static_cast<double>(bench::now_ns() - began) / 1e9;
  shared->stops.store(true);
  check_totals(*shared, children, processes / 2);
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
  if (options.processes < 2 || options.processes > 2 * kMostOfEach) {
    bench::fail("--processes is 2 to " + std::to_string(2 * kMostOfEach));
  }
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
