// Sleeping and waking on macOS. There is no sleep on several words: a set is slept on through its
// first word, and the others are looked at now and then.
#include <errno.h>

#include <new>

#include "platform/macos/address_wait.h"
#include "platform/platform.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kPollNs = 1'000'000;

bool any_changed(const PlatWaitPoint* points, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // Relaxed: callers look at what the word guards, with their own ordering, after waking.
    if (points[i].word->load(std::memory_order_relaxed) != points[i].expected) return true;
  }
  return false;
}

}  // namespace

PlatWake plat_wait(const PlatWaitPoint& point, std::int64_t timeout_ns) {
  if (address_wait(point.word, point.expected, timeout_ns) >= 0) return PlatWake::kWoken;
  if (errno == ETIMEDOUT) return PlatWake::kTimedOut;
  return errno == EINTR ? PlatWake::kInterrupted : PlatWake::kWoken;
}

void plat_wake(const PlatWaitPoint& point) { address_wake_all(point.word); }

void plat_wake_one(const PlatWaitPoint& point) { address_wake_one(point.word); }

PlatWake plat_wait_many(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns) {
  if (count == 1) return plat_wait(points[0], timeout_ns);
  const std::int64_t deadline_ns = plat_now_ns() + timeout_ns;
  for (;;) {
    if (any_changed(points, count)) return PlatWake::kWoken;
    const std::int64_t left = deadline_ns - plat_now_ns();
    if (left <= 0) return PlatWake::kTimedOut;
    if (plat_wait(points[0], left < kPollNs ? left : kPollNs) == PlatWake::kInterrupted) {
      return PlatWake::kInterrupted;
    }
  }
}

struct PlatBell {
  std::atomic<std::uint32_t> rings{0};
};

PlatResult plat_bell_create(PlatBell** out) {
  *out = new (std::nothrow) PlatBell;
  return *out != nullptr ? PlatResult{} : PlatResult{SMIPC_E_NO_MEMORY, ""};
}

void plat_bell_free(PlatBell* bell) { delete bell; }

PlatWaitPoint plat_bell_point(PlatBell* bell) {
  PlatWaitPoint point;
  point.word = &bell->rings;
  // P1 (pairs with P2): what was set before the ring is seen by whoever sees the ring.
  point.expected = bell->rings.load(std::memory_order_acquire);
  point.bell = bell;
  return point;
}

void plat_bell_ring(PlatBell* bell) {
  bell->rings.fetch_add(1, std::memory_order_release);  // P2 (pairs with P1)
  address_wake_all(&bell->rings);
}

}  // namespace smipc::detail
