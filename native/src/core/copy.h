// Copying payloads into the ring and out of it.
//
// What is sent is loaded in 8-byte words: callers have usually just stored it word by word, and a wider
// load of bytes that are still in the store buffer stalls (measured: 45 to 65 M messages/s with 16-byte
// loads, over 200 M with words). What is received was stored by another processor, and goes 16 bytes at a
// time where any processor of the kind can do that. Large messages go through memcpy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif

#include "core/inlining.h"

namespace smipc::detail {

inline constexpr std::size_t kWordCopyMax = 128;

inline void copy_word(std::byte* to, const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  std::memcpy(to, &word, sizeof word);
}

// Two words at a time, of which each goes by itself.
struct IntoRing {
  static void copy_pair(std::byte* to, const std::byte* from) {
    copy_word(to + 8, from + 8);
    copy_word(to, from);
  }
};

// By one load and one store.
struct OutOfRing {
  static void copy_pair(std::byte* to, const std::byte* from) {
#if defined(__SSE2__) || defined(_M_X64)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
    copy_word(to, from);
    copy_word(to + 8, from + 8);
#endif
  }
};

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

// Up to kWordCopyMax bytes, and exactly so many are read and written. One jump to the number of pairs:
// each case is a block of its own, which also keeps compilers from making other copies of it.
template <class Way>
SMIPC_INLINE void copy_small(void* to_void, const void* from_void, std::size_t size) {
  auto* to = static_cast<std::byte*>(to_void);
  const auto* from = static_cast<const std::byte*>(from_void);
#define SMIPC_PAIR(number)                                    \
  case (number) + 1:                                          \
    Way::copy_pair(to + (number) * 16, from + (number) * 16); \
    [[fallthrough]];
  switch (size / 16) {
    SMIPC_PAIR(7)
    SMIPC_PAIR(6)
    SMIPC_PAIR(5)
    SMIPC_PAIR(4)
    SMIPC_PAIR(3)
    SMIPC_PAIR(2)
    SMIPC_PAIR(1)
    SMIPC_PAIR(0)
    default:
      break;
  }
#undef SMIPC_PAIR
  if (size % 16 == 0) return;
  if (size % 16 >= 8) copy_word(to + size / 16 * 16, from + size / 16 * 16);
  if (size % 8 == 0) return;
  if (size > 8) {
    copy_word(to + size - 8, from + size - 8);  // overlaps the word before
  } else {
    copy_less_than_a_word(to, from, size);
  }
}

// Reads and writes exactly `size` bytes.
template <class Way>
SMIPC_INLINE void copy_bytes(void* to, const void* from, std::size_t size) {
  if (size <= kWordCopyMax) {
    copy_small<Way>(to, from, size);
  } else {
    std::memcpy(to, from, size);
  }
}

}  // namespace smipc::detail
