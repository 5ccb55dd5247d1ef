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

inline void store_racing_bytes(std::byte* shared, const std::byte* from, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    reinterpret_cast<SharedByte*>(shared + i)
        ->store(static_cast<unsigned char>(from[i]), std::memory_order_relaxed);
  }
}

inline void load_racing_bytes(std::byte* to, const std::byte* shared, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = static_cast<std::byte>(
        reinterpret_cast<const SharedByte*>(shared + i)->load(std::memory_order_relaxed));
  }
}

inline void store_racing_word(std::byte* shared, const std::byte* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof word);
  reinterpret_cast<SharedWord*>(shared)->store(word, std::memory_order_relaxed);
}

inline void load_racing_word(std::byte* to, const std::byte* shared) {
  const std::uint64_t word =
      reinterpret_cast<const SharedWord*>(shared)->load(std::memory_order_relaxed);
  std::memcpy(to, &word, sizeof word);
}

inline constexpr std::size_t kRacingQuads = 1024;  // smaller copies go by words
inline constexpr std::size_t kQuad = 64;
#if SMIPC_SSE2 && defined(__GNUC__) && !SMIPC_HAS_TSAN
inline constexpr bool kHasRacingQuads = true;
inline void store_racing_quad(std::byte* shared, const std::byte* from) {
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
inline void load_racing_quad(std::byte* to, const std::byte* shared) {
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
#else
inline constexpr bool kHasRacingQuads = false;
inline void store_racing_quad(std::byte*, const std::byte*) {}
inline void load_racing_quad(std::byte*, const std::byte*) {}
#endif

// Calls bytes(at, count), word(at) and quad(at) for the parts of `size` bytes at `shared`, aligned and in order.
template <class Bytes, class Word, class Quad>
SMIPC_INLINE void for_each_part(const std::byte* shared, std::size_t size, Bytes bytes, Word word,
                                Quad quad) {
  std::size_t at = bytes_to_word(shared, size);
  bytes(0, at);
  if (kHasRacingQuads && size >= kRacingQuads) {
    if (reinterpret_cast<std::uintptr_t>(shared + at) % 16 != 0) word(at), at += 8;
    for (; size - at >= kQuad; at += kQuad) quad(at);
  }
  for (; size - at >= 8; at += 8) word(at);
  bytes(at, size - at);
}

inline void store_racing(std::byte* shared, const std::byte* from, std::size_t size) {
  for_each_part(
      shared, size,
      [=](std::size_t at, std::size_t n) { store_racing_bytes(shared + at, from + at, n); },
      [=](std::size_t at) { store_racing_word(shared + at, from + at); },
      [=](std::size_t at) { store_racing_quad(shared + at, from + at); });
}

inline void load_racing(std::byte* to, const std::byte* shared, std::size_t size) {
  for_each_part(
      shared, size,
      [=](std::size_t at, std::size_t n) { load_racing_bytes(to + at, shared + at, n); },
      [=](std::size_t at) { load_racing_word(to + at, shared + at); },
      [=](std::size_t at) { load_racing_quad(to + at, shared + at); });
}

}  // namespace smipc::detail
