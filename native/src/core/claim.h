// Claiming lines: a writer takes the lines that it will need next from its readers' caches.
//
// A line that a reader has looked at costs its next store a journey, and every later store waits for that
// one, because stores become visible in order. But stores that all have to wait, one right behind the
// other, travel together. So each line of a stretch gets a store before the first of them is needed.
// (Fetching a line for writing is not enough: on Zen 4, that does nothing to one which is here to be read.)
// Figures: docs/design/channel-ring.md.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/inlining.h"

namespace smipc::detail {

inline constexpr std::int64_t kClaimBytes = 1024;  // at once
// In a stream of messages that are not small. A ping-pong would pay for lines that it does not need yet.
inline constexpr std::int64_t kStreamClaimBytes = 4096;
inline constexpr std::size_t kCpuLine = 64;  // where lines are longer, each is claimed again

// Calls store(at) for the first word of each line in [begin, end).
template <class Store>
SMIPC_INLINE void for_each_line(std::byte* begin, std::byte* end, Store store) {
  const std::uintptr_t into_line = reinterpret_cast<std::uintptr_t>(begin) % kCpuLine;
  std::byte* at = begin + (kCpuLine - into_line) % kCpuLine;
  for (; end - at >= std::ptrdiff_t{sizeof(std::uint64_t)}; at += kCpuLine) store(at);
}

}  // namespace smipc::detail
