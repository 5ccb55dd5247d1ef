// smipc::MessageQueue::receive() whose message is too large for its buffer, and taken by somebody
// else before it has made a larger one. Twice, then the time has passed.
//
//     queue_timeout NAME
//
// Exits with 1 unless the timeouts of its calls count down to one end.
#include <smipc/message_queue.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::vector<std::int64_t> timeouts;

smipc_status taken_by_rivals(smipc_message_queue *, void *, std::size_t size,
                             std::int64_t timeout_ns, std::size_t *out_size, std::uint32_t *) {
  timeouts.push_back(timeout_ns);
  for (const auto start = Clock::now(); Clock::now() == start;) {
  }
  if (timeouts.size() == 3) return SMIPC_E_TIMED_OUT;
  *out_size = size + 1;
  return SMIPC_E_BUFFER_TOO_SMALL;
}

}  // namespace

#define smipc_message_queue_receive taken_by_rivals
#include <smipc.hpp>

namespace {

std::vector<std::int64_t> timeouts_of_receive(smipc::MessageQueue &queue, smipc::Timeout timeout) {
  timeouts.clear();
  if (queue.receive(timeout)) throw std::runtime_error("there is no message");
  return timeouts;
}

}  // namespace

int main(int, char **argv) try {
  smipc::MessageQueue queue(argv[1], {.existence = smipc::Existence::kRaiseIfExists});
  const auto hour = timeouts_of_receive(queue, std::chrono::hours(1));
  const bool counts_down = hour[0] > hour[1] && hour[1] > hour[2];
  const bool tries = timeouts_of_receive(queue, smipc::no_wait) == std::vector<std::int64_t>(3, 0);
  const bool waits =
      timeouts_of_receive(queue, smipc::forever) == std::vector<std::int64_t>(3, SMIPC_FOREVER);
  return counts_down && tries && waits ? 0 : 1;
} catch (const std::exception &error) {
  std::fprintf(stderr, "queue_timeout.cpp: %s\n", error.what());
  return 1;
}
