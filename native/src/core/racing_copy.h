// Copying bytes that another process may be changing or reading at the same time: every access to
// the shared side is a relaxed atomic, in words where they are aligned. What a race leaves in the
// copy is for the caller to find out.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

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

inline void store_racing(std::byte* shared, const std::byte* from, std::size_t size) {
  const std::size_t head = bytes_to_word(shared, size);
  store_racing_bytes(shared, from, head);
  std::size_t at = head;
  for (; size - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, from + at, sizeof word);
    reinterpret_cast<SharedWord*>(shared + at)->store(word, std::memory_order_relaxed);
  }
  store_racing_bytes(shared + at, from + at, size - at);
}

inline void load_racing(std::byte* to, const std::byte* shared, std::size_t size) {
  const std::size_t head = bytes_to_word(shared, size);
  load_racing_bytes(to, shared, head);
  std::size_t at = head;
  for (; size - at >= 8; at += 8) {
    const std::uint64_t word =
        reinterpret_cast<const SharedWord*>(shared + at)->load(std::memory_order_relaxed);
    std::memcpy(to + at, &word, sizeof word);
  }
  load_racing_bytes(to + at, shared + at, size - at);
}

}  // namespace smipc::detail
