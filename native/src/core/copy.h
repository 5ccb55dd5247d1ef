// Copying payloads in and out of the ring.
//
// Small records are copied in 8-byte words: callers have usually just stored the payload word by
// word, and a wider load of bytes that are still in the store buffer stalls (measured: 45 to 65
// M messages/s with 16-byte loads, over 200 M with words). Large ones go through memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/inlining.h"

namespace smipc::detail {

inline constexpr std::size_t kWordCopyMax = 128;

inline std::uint64_t load_word(const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline void copy_word(std::byte* to, const std::byte* from) {
  const std::uint64_t word = load_word(from);
  std::memcpy(to, &word, sizeof word);
}

// Up to 7 bytes, which may have no address if there are none.
inline void copy_less_than_a_word(std::byte* to, const std::byte* from, std::size_t size) {
  if (size >= 4) {
    std::uint32_t first;
    std::uint32_t last;
    std::memcpy(&first, from, 4);
    std::memcpy(&last, from + size - 4, 4);
    std::memcpy(to, &first, 4);
    std::memcpy(to + size - 4, &last, 4);  // may overlap the first
  } else {
    for (std::size_t i = 0; i < size; ++i) to[i] = from[i];
  }
}

// Up to kWordCopyMax bytes, and exactly so many are read and written. One jump to the number of words:
// each case is a block of its own, which also keeps compilers from copying in wider pieces.
SMIPC_INLINE void copy_small(void* to_void, const void* from_void, std::size_t size) {
  auto* to = static_cast<std::byte*>(to_void);
  const auto* from = static_cast<const std::byte*>(from_void);
#define SMIPC_WORD(number)                             \
  case (number) + 1:                                   \
    copy_word(to + (number) * 8, from + (number) * 8); \
    [[fallthrough]];
  switch (size / 8) {
    SMIPC_WORD(15)
    SMIPC_WORD(14)
    SMIPC_WORD(13)
    SMIPC_WORD(12)
    SMIPC_WORD(11)
    SMIPC_WORD(10)
    SMIPC_WORD(9)
    SMIPC_WORD(8)
    SMIPC_WORD(7)
    SMIPC_WORD(6)
    SMIPC_WORD(5)
    SMIPC_WORD(4)
    SMIPC_WORD(3)
    SMIPC_WORD(2)
    SMIPC_WORD(1)
    SMIPC_WORD(0)
    default:
      break;
  }
#undef SMIPC_WORD
  if (size % 8 == 0) return;
  if (size > 8) {
    copy_word(to + size - 8, from + size - 8);  // overlaps the word before
  } else {
    copy_less_than_a_word(to, from, size);
  }
}

// Reads and writes exactly `size` bytes.
SMIPC_INLINE void copy_bytes(void* to, const void* from, std::size_t size) {
  if (size <= kWordCopyMax) {
    copy_small(to, from, size);
  } else {
    std::memcpy(to, from, size);
  }
}

}  // namespace smipc::detail
