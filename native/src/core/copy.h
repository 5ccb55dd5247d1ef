// Copying payloads into the ring and out of it.
//
// What is sent is loaded in 8-byte words: callers have usually just stored it word by word, and a wider
// load of bytes that are still in the store buffer stalls (measured: 45 to 65 M messages/s with 16-byte
// loads, over 200 M with words). What is received was stored by another processor, and goes 16 bytes at a
// time where any processor of the kind can do that. Larger messages go through memcpy, where that is fast.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define SMIPC_SSE2 1
#else
#define SMIPC_SSE2 0
#endif

#include "core/inlining.h"

namespace smipc::detail {

inline constexpr std::size_t kWordCopyMax = 128;
// From here on memcpy uses the copying instruction of the processor (`rep movsb`), if that is any good.
inline constexpr std::size_t kInstructionCopy = 2048;

inline void copy_word(std::byte* to, const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
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

// What is left behind the last whole word of `size` bytes.
inline void copy_rest(std::byte* to, const std::byte* from, std::size_t size) {
  if (size > 8) {
    copy_word(to + size - 8, from + size - 8);  // overlaps the word before
  } else {
    copy_less_than_a_word(to, from, size);
  }
}

// The two ways: what one load and one store move. Word by word, ...
struct IntoRing {
  static constexpr bool kOut = false;
  static constexpr std::size_t kUnit = 8;
  static void copy_unit(std::byte* to, const std::byte* from) { copy_word(to, from); }
};

// ... and two words at a time.
struct OutOfRing {
  static constexpr bool kOut = true;
  static constexpr std::size_t kUnit = 16;
  static void copy_unit(std::byte* to, const std::byte* from) {
#if SMIPC_SSE2
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
#else
    copy_word(to, from);
    copy_word(to + 8, from + 8);
#endif
  }
};

// Up to kWordCopyMax bytes, and exactly so many are read and written. One jump to the number of units,
// which then lie at constant places: so the loads out of the ring need not wait for the size, which may
// still be on its way from the other core (that is worth 20 ns of a round trip). Each case is a
// block of its own, which also keeps compilers from making other copies of it.
template <class Way>
SMIPC_INLINE void copy_small(void* to_void, const void* from_void, std::size_t size) {
  auto* to = static_cast<std::byte*>(to_void);
  const auto* from = static_cast<const std::byte*>(from_void);
  constexpr std::size_t kUnit = Way::kUnit;
#define SMIPC_UNIT(number)                                            \
  case (number) + 1:                                                  \
    if constexpr ((number) < kWordCopyMax / kUnit) {                  \
      Way::copy_unit(to + (number) * kUnit, from + (number) * kUnit); \
    }                                                                 \
    [[fallthrough]];
  switch (size / kUnit) {
    SMIPC_UNIT(15)
    SMIPC_UNIT(14)
    SMIPC_UNIT(13)
    SMIPC_UNIT(12)
    SMIPC_UNIT(11)
    SMIPC_UNIT(10)
    SMIPC_UNIT(9)
    SMIPC_UNIT(8)
    SMIPC_UNIT(7)
    SMIPC_UNIT(6)
    SMIPC_UNIT(5)
    SMIPC_UNIT(4)
    SMIPC_UNIT(3)
    SMIPC_UNIT(2)
    SMIPC_UNIT(1)
    SMIPC_UNIT(0)
    case 0:
      break;
    default:
      SMIPC_UNREACHABLE();
  }
#undef SMIPC_UNIT
  if (size % kUnit == 0) return;
  if (kUnit > 8 && size % kUnit >= 8) {
    copy_word(to + size / kUnit * kUnit, from + size / kUnit * kUnit);
  }
  if (size % 8 != 0) copy_rest(to, from, size);
}

#if SMIPC_SSE2
// By store(to, sixteen bytes) for all whole lines of the destination.
template <class Store>
inline void copy_by_lines(std::byte* to, const std::byte* from, std::size_t size, Store store) {
  constexpr std::size_t kLineBytes = 64;
  const std::size_t into_line = reinterpret_cast<std::uintptr_t>(to) % kLineBytes;
  std::size_t done = std::min(size, (kLineBytes - into_line) % kLineBytes);
  std::memcpy(to, from, done);
  for (; size - done >= kLineBytes; done += kLineBytes) {
    const auto* in = reinterpret_cast<const __m128i*>(from + done);
    auto* out = reinterpret_cast<__m128i*>(to + done);
    const __m128i a = _mm_loadu_si128(in);
    const __m128i b = _mm_loadu_si128(in + 1);
    const __m128i c = _mm_loadu_si128(in + 2);
    const __m128i d = _mm_loadu_si128(in + 3);
    store(out, a);
    store(out + 1, b);
    store(out + 2, c);
    store(out + 3, d);
  }
  std::memcpy(to + done, from + done, size - done);
}

// What the copying instruction is bad at: a destination 1 to 31 bytes behind its source in their pages. Zen 4, 4 KiB
// and 64 KiB: 3.5 GB/s up to 15 bytes and 35 to 42 from there, instead of 57; by lines 57 everywhere. Payloads
// begin 8 bytes behind a record, which may begin a page, as may what is sent.
inline bool is_just_behind(const std::byte* to, const std::byte* from) {
  constexpr std::uintptr_t kPageMask = 4095;
  const std::uintptr_t behind =
      (reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from)) & kPageMask;
  return behind - 1 < 31;
}
#endif

// memcpy without that instruction.
inline void copy_through_caches(std::byte* to, const std::byte* from, std::size_t size) {
#if SMIPC_SSE2
  copy_by_lines(to, from, size, [](__m128i* out, __m128i bytes) { _mm_store_si128(out, bytes); });
#else
  std::memcpy(to, from, size);
#endif
}

// memcpy, without its bad case.
inline void copy_many(std::byte* to, const std::byte* from, std::size_t size) {
#if SMIPC_SSE2
  if (size >= kInstructionCopy && is_just_behind(to, from)) {
    return copy_through_caches(to, from, size);
  }
#endif
  std::memcpy(to, from, size);
}

// Out of the ring, `size` of kInstructionCopy and more: by whichever leaves the ring's lines where the writer finds
// them soonest.
void copy_large_out(std::byte* to, const std::byte* from, std::size_t size);

// Reads and writes exactly `size` bytes.
template <class Way>
SMIPC_INLINE void copy_bytes(void* to, const void* from, std::size_t size) {
  if (size <= kWordCopyMax) {
    copy_small<Way>(to, from, size);
  } else if (Way::kOut && size >= kInstructionCopy) {
    copy_large_out(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), size);
  } else {
    copy_many(static_cast<std::byte*>(to), static_cast<const std::byte*>(from), size);
  }
}

}  // namespace smipc::detail
