// See address_wait.h.
//
// The declarations are written out because the headers of older systems lack them. The newer
// functions are imported weakly: on an older system their addresses are null.
#include "platform/macos/address_wait.h"

#include <algorithm>
#include <cerrno>

extern "C" {
// <os/os_sync_wait_on_address.h>
int os_sync_wait_on_address_with_timeout(void* address, std::uint64_t value, std::size_t size,
                                         std::uint32_t flags, std::uint32_t clock,
                                         std::uint64_t timeout_ns) __attribute__((weak_import));
int os_sync_wake_by_address_all(void* address, std::size_t size, std::uint32_t flags)
    __attribute__((weak_import));
int os_sync_wake_by_address_any(void* address, std::size_t size, std::uint32_t flags)
    __attribute__((weak_import));
// <sys/ulock.h> of the kernel, exported by the system library.
int __ulock_wait(std::uint32_t operation, void* address, std::uint64_t value,
                 std::uint32_t timeout_us);
int __ulock_wake(std::uint32_t operation, void* address, std::uint64_t value);
}

namespace smipc::detail {
namespace {

constexpr std::uint32_t kWaitShared = 1;      // OS_SYNC_WAIT_ON_ADDRESS_SHARED
constexpr std::uint32_t kWakeShared = 1;      // OS_SYNC_WAKE_BY_ADDRESS_SHARED
constexpr std::uint32_t kClockAbsolute = 32;  // OS_CLOCK_MACH_ABSOLUTE_TIME
constexpr std::uint32_t kCompareShared = 3;   // UL_COMPARE_AND_WAIT_SHARED
constexpr std::uint32_t kWakeAll = 0x100;     // ULF_WAKE_ALL

bool has_newer_functions() {
  return &os_sync_wait_on_address_with_timeout != nullptr &&
         &os_sync_wake_by_address_all != nullptr && &os_sync_wake_by_address_any != nullptr;
}

}  // namespace

int address_wait(std::atomic<std::uint32_t>* word, std::uint32_t expected,
                 std::int64_t timeout_ns) {
  if (timeout_ns <= 0) {  // for which the system would wait for ever
    errno = ETIMEDOUT;
    return -1;
  }
  if (has_newer_functions()) {
    return os_sync_wait_on_address_with_timeout(word, expected, sizeof *word, kWaitShared,
                                                kClockAbsolute,
                                                static_cast<std::uint64_t>(timeout_ns));
  }
  constexpr std::int64_t kMostUs = 1'000'000'000;
  const std::int64_t timeout_us = std::clamp<std::int64_t>((timeout_ns + 999) / 1000, 1, kMostUs);
  return __ulock_wait(kCompareShared, word, expected, static_cast<std::uint32_t>(timeout_us));
}

void address_wake_one(std::atomic<std::uint32_t>* word) {
  if (has_newer_functions()) {
    os_sync_wake_by_address_any(word, sizeof *word, kWakeShared);
  } else {
    __ulock_wake(kCompareShared, word, 0);
  }
}

void address_wake_all(std::atomic<std::uint32_t>* word) {
  if (has_newer_functions()) {
    os_sync_wake_by_address_all(word, sizeof *word, kWakeShared);
  } else {
    __ulock_wake(kCompareShared | kWakeAll, word, 0);
  }
}

}  // namespace smipc::detail
