// Integers as items: big-endian in as many bytes as an item has, in slots that others may be reading
// or changing (racing_copy.h).
#pragma once

#include "core/racing_copy.h"

namespace smipc::detail {

inline bool integer_fits(std::uint64_t value, std::uint64_t size) {
  return size >= 8 || value >> (8 * size) == 0;
}

// The value fits.
inline void store_racing_integer(std::byte* slot, std::uint64_t size, std::uint64_t value) {
  std::byte bytes[8];
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<std::byte>(value & 0xff);
  if (size <= 8) {
    const auto count = static_cast<std::size_t>(size);
    store_racing(slot, bytes + 8 - count, count);
    return;
  }
  const auto leading = static_cast<std::size_t>(size - 8);
  const std::byte zero{};
  for (std::size_t i = 0; i < leading; ++i) RacingStores::byte(slot + i, &zero);
  store_racing(slot + leading, bytes, 8);
}

// false: it has more than 63 bits.
inline bool load_racing_integer(const std::byte* slot, std::uint64_t size, std::uint64_t* out) {
  std::byte bytes[8] = {};
  bool fits = true;
  if (size <= 8) {
    const auto count = static_cast<std::size_t>(size);
    load_racing(bytes + 8 - count, slot, count);
  } else {
    const auto leading = static_cast<std::size_t>(size - 8);
    for (std::size_t i = 0; i < leading && fits; ++i) {
      std::byte one;
      RacingLoads::byte(&one, slot + i);
      fits = one == std::byte{};
    }
    load_racing(bytes, slot + leading, 8);
  }
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | static_cast<std::uint64_t>(byte);
  *out = value;
  return fits && value >> 63 == 0;
}

}  // namespace smipc::detail
