// Sleeping and waking on Linux: futexes, which work between processes that map the same file.
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <new>

#include "platform/platform.h"
#include "smipc.h"

// Linux 5.16; older headers do not have it.
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace smipc::detail {
namespace {

// The kernel's struct futex_waitv.
struct WaitvItem {
  std::uint64_t value;
  std::uint64_t address;
  std::uint32_t flags;
  std::uint32_t reserved;
};
constexpr std::uint32_t kWaitv32Bit = 2;
// Where futex_waitv is missing: sleep on the first word, look at the others this often.
constexpr std::int64_t kPollNs = 1'000'000;

timespec to_timespec(std::int64_t ns) {
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

PlatWake wake_from(long result) {
  if (result >= 0 || errno == EAGAIN) return PlatWake::kWoken;
  if (errno == ETIMEDOUT) return PlatWake::kTimedOut;
  return errno == EINTR ? PlatWake::kInterrupted : PlatWake::kWoken;
}

bool any_changed(const PlatWaitPoint* points, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    // Relaxed: callers look at what the word guards, with their own ordering, after waking.
    if (points[i].word->load(std::memory_order_relaxed) != points[i].expected) return true;
  }
  return false;
}

PlatWake poll_many(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns) {
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

}  // namespace

PlatWake plat_wait(const PlatWaitPoint& point, std::int64_t timeout_ns) {
  const timespec timeout = to_timespec(timeout_ns);
  return wake_from(::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(point.word), FUTEX_WAIT,
                             point.expected, &timeout, nullptr, 0));
}

void plat_wake(const PlatWaitPoint& point) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(point.word), FUTEX_WAKE, INT_MAX, nullptr,
            nullptr, 0);
}

void plat_wake_one(const PlatWaitPoint& point) {
  ::syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(point.word), FUTEX_WAKE, 1, nullptr,
            nullptr, 0);
}

PlatWake plat_wait_many(const PlatWaitPoint* points, std::size_t count, std::int64_t timeout_ns) {
  if (count == 1) return plat_wait(points[0], timeout_ns);
  WaitvItem items[kWaitManyMax];
  for (std::size_t i = 0; i < count; ++i) {
    items[i] = {points[i].expected, reinterpret_cast<std::uintptr_t>(points[i].word), kWaitv32Bit,
                0};
  }
  const timespec deadline = to_timespec(plat_now_ns() + timeout_ns);
  const long result = ::syscall(SYS_futex_waitv, items, static_cast<unsigned>(count), 0, &deadline,
                                CLOCK_MONOTONIC);
  if (result < 0 && (errno == ENOSYS || errno == EPERM))
    return poll_many(points, count, timeout_ns);
  return wake_from(result);
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
  // P1 (pairs with P2): what was set before the ring is seen by whoever sees the ring.
  PlatWaitPoint point;
  point.word = &bell->rings;
  point.expected = bell->rings.load(std::memory_order_acquire);
  point.bell = bell;
  return point;
}

void plat_bell_ring(PlatBell* bell) {
  bell->rings.fetch_add(1, std::memory_order_release);  // P2 (pairs with P1)
  plat_wake(plat_bell_point(bell));
}

}  // namespace smipc::detail
