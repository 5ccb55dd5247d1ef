// Time, randomness, processors and fork on Windows, which has no fork.
#define _CRT_RAND_S
#include <stdlib.h>

#include <bit>

#include "platform/windows/windows_api.h"

namespace smipc::detail {

std::int64_t plat_now_ns() {
  static const std::int64_t frequency = [] {
    LARGE_INTEGER value;
    ::QueryPerformanceFrequency(&value);
    return value.QuadPart;
  }();
  LARGE_INTEGER counter;
  ::QueryPerformanceCounter(&counter);
  // In two parts, which do not overflow.
  return counter.QuadPart / frequency * 1'000'000'000 +
         counter.QuadPart % frequency * 1'000'000'000 / frequency;
}

std::int64_t plat_now_coarse_ns() {
  return static_cast<std::int64_t>(::GetTickCount64()) * 1'000'000;
}

std::int64_t plat_unix_time_ns() {
  constexpr std::int64_t kUnixEpoch = 116'444'736'000'000'000;  // in 100 ns since 1601
  FILETIME now;
  ::GetSystemTimePreciseAsFileTime(&now);
  const std::int64_t ticks =
      static_cast<std::int64_t>((std::uint64_t{now.dwHighDateTime} << 32) | now.dwLowDateTime);
  return (ticks - kUnixEpoch) * 100;
}

std::uint64_t plat_random_u64() {
  unsigned high = 0;
  unsigned low = 0;
  std::uint64_t value = 0;
  if (::rand_s(&high) == 0 && ::rand_s(&low) == 0) value = (std::uint64_t{high} << 32) | low;
  if (value == 0) {
    static std::atomic<std::uint64_t> counter{1};  // no source of randomness: unique, if guessable
    value = static_cast<std::uint64_t>(plat_unix_time_ns()) ^ (counter.fetch_add(1) << 48) ^
            (std::uint64_t{::GetCurrentProcessId()} << 24) ^ 1;
  }
  return value == 0 ? 1 : value;
}

unsigned plat_cpu_count() {
  const DWORD count = ::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS);
  return count > 0 ? count : 1;
}

std::uint32_t plat_only_cpu() {
  GROUP_AFFINITY affinity = {};
  if (!::GetThreadGroupAffinity(::GetCurrentThread(), &affinity)) return 0;
  const std::uint64_t mask = affinity.Mask;
  if (!std::has_single_bit(mask)) return 0;
  constexpr std::uint32_t kProcessorsPerGroup = 64;
  return 1 + affinity.Group * kProcessorsPerGroup +
         static_cast<std::uint32_t>(std::countr_zero(mask));
}

void plat_on_fork(void (*)(), void (*)(), void (*)()) {}

}  // namespace smipc::detail
