// Copying bytes that another process may be changing or reading at the same time: every access to
// the shared side is a relaxed atomic, in words where they are aligned. What a race leaves in the
// copy is for the caller to find out.
//
// Large copies take two words at a time where any processor of the kind can, which is up to 1.7 times as fast
// (docs/design/circular-buffer.md). C++ has no atomics of that size that do without a lock, so these accesses are
// volatile: each is made once, where it stands, and fences keep it in its place as they do the words.
// The thread sanitizer does not know that, and gets words.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/copy.h"
#include "platform/thread_sanitizer.h"

namespace smipc::detail {

using SharedByte = std::atomic<unsigned char>;
using SharedWord = std::atomic<std::uint64_t>;
static_assert(sizeof(SharedByte) == 1 && SharedByte::is_always_lock_free);

// How many of `size` bytes come before the first aligned word at `shared`.
inline std::size_t bytes_to_word(const std::byte* shared, std::size_t size) {
  const std::size_t odd = (0 - reinterpret_cast<std::uintptr_t>(shared)) & 7;
  return odd < size ? odd : size;
}

inline constexpr std::size_t kRacingQuads = 1024;  // smaller copies go by words
inline constexpr std::size_t kQuad = 64;
#if SMIPC_SSE2 && defined(__GNUC__) && !SMIPC_HAS_TSAN
#define SMIPC_RACING_QUADS 1
#else
#define SMIPC_RACING_QUADS 0
#endif

// Into shared memory.
struct RacingStores {
  static void byte(std::byte* shared, const std::byte* from) {
    reinterpret_cast<SharedByte*>(shared)->store(static_cast<unsigned char>(*from),
                                                 std::memory_order_relaxed);
  }
  static void word(std::byte* shared, const std::byte* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    reinterpret_cast<SharedWord*>(shared)->store(word, std::memory_order_relaxed);
  }
#if SMIPC_RACING_QUADS
  static void quad(std::byte* shared, const std::byte* from) {
    const auto* in = reinterpret_cast<const __m128i*>(from);
    auto* out = reinterpret_cast<volatile __m128i*>(shared);
    const __m128i a = _mm_loadu_si128(in);
    const __m128i b = _mm_loadu_si128(in + 1);
    const __m128i c = _mm_loadu_si128(in + 2);
    const __m128i d = _mm_loadu_si128(in + 3);
    out[0] = a;
    out[1] = b;
    out[2] = c;
    out[3] = d;
  }
#endif
};

// Out of it.
struct RacingLoads {
  static void byte(std::byte* to, const std::byte* shared) {
    *to = static_cast<std::byte>(
        reinterpret_cast<const SharedByte*>(shared)->load(std::memory_order_relaxed));
  }
  static void word(std::byte* to, const std::byte* shared) {
    const std::uint64_t word =
        reinterpret_cast<const SharedWord*>(shared)->load(std::memory_order_relaxed);
    std::memcpy(to, &word, sizeof word);
  }
#if SMIPC_RACING_QUADS
  static void quad(std::byte* to, const std::byte* shared) {
    const auto* in = reinterpret_cast<const volatile __m128i*>(shared);
    auto* out = reinterpret_cast<__m128i*>(to);
    const __m128i a = in[0];
    const __m128i b = in[1];
    const __m128i c = in[2];
    const __m128i d = in[3];
    _mm_storeu_si128(out, a);
    _mm_storeu_si128(out + 1, b);
    _mm_storeu_si128(out + 2, c);
    _mm_storeu_si128(out + 3, d);
  }
#endif
};

// `size` bytes in order, by accesses that are aligned at `shared`, which is `to` or `from`.
template <class Accesses>
SMIPC_INLINE void copy_racing(std::byte* to, const std::byte* from, const std::byte* shared,
                              std::size_t size) {
  const std::size_t odd = bytes_to_word(shared, size);
  std::size_t at = 0;
  for (; at < odd; ++at) Accesses::byte(to + at, from + at);
  if constexpr (SMIPC_RACING_QUADS) {
    if (size >= kRacingQuads) {
      if (reinterpret_cast<std::uintptr_t>(shared + at) % 16 != 0) {
        Accesses::word(to + at, from + at);
        at += 8;
      }
      for (; size - at >= kQuad; at += kQuad) Accesses::quad(to + at, from + at);
    }
  }
  for (; size - at >= 8; at += 8) Accesses::word(to + at, from + at);
  for (; at < size; ++at) Accesses::byte(to + at, from + at);
}

inline void store_racing(std::byte* shared, const std::byte* from, std::size_t size) {
  copy_racing<RacingStores>(shared, from, shared, size);
}

inline void load_racing(std::byte* to, const std::byte* shared, std::size_t size) {
  copy_racing<RacingLoads>(to, shared, shared, size);
}

}  // namespace smipc::detail
