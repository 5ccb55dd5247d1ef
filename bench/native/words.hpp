// Copies 64 bytes as eight words. The sender has just stored the message's number with an 8-byte
// store; a wider load of the same bytes would wait until that store has left the store buffer, and
// a limit must not.
#pragma once

#include <cstdint>
#include <cstring>

namespace bench {

inline constexpr std::size_t kSlotBytes = 64;

inline void copy_words(void* to, const void* from) {
  const auto* source = static_cast<const volatile std::uint64_t*>(from);
  auto* target = static_cast<std::uint64_t*>(to);
  for (std::size_t i = 0; i < kSlotBytes / 8; ++i) {
    target[i] = source[i];
  }
}

}  // namespace bench
