// A fuzzer's input, read as a small program: which bytes to change to what, and which call to make.
//
// Whatever the bytes are, they mean something: reading past the end gives zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "smipc.h"

namespace smipc::fuzz {

class Program {
 public:
  Program(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}

  bool more() const { return left_ > 0; }
  const std::uint8_t* rest() const { return data_; }
  std::size_t left() const { return left_; }

  std::uint8_t byte() {
    if (left_ == 0) return 0;
    --left_;
    return *data_++;
  }

  std::uint8_t below(unsigned limit) { return static_cast<std::uint8_t>(byte() % limit); }

  // Little-endian.
  std::uint64_t number(unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }

  // A number that has a chance to be taken for something; `current` is what stands there now.
  std::uint64_t value(std::uint64_t current) {
    static constexpr std::uint64_t kNasty[] = {UINT64_MAX,
                                               UINT32_MAX,
                                               INT64_MAX,
                                               std::uint64_t{1} << 63,
                                               INT32_MAX,
                                               std::uint64_t{1} << 31,
                                               SMIPC_MAX_MESSAGE,
                                               (std::uint64_t{1} << 48) - 1,
                                               UINT64_MAX - 7,
                                               UINT16_MAX,
                                               1024,
                                               4096};
    const std::uint8_t tag = byte();
    const std::uint64_t small = tag >> 3;
    switch (tag & 7) {
      case 0:
        return small;
      case 1:
        return number(8);
      case 2:
        return number(2);
      case 3:
        return std::uint64_t{1} << (byte() & 63);
      case 4:
        return current + small;
      case 5:
        return current - small;
      case 6:
        return current + 8 * small;
      default:
        return kNasty[small % (sizeof kNasty / sizeof *kNasty)];
    }
  }

  // Of a buffer or a message: mostly small.
  std::size_t size() {
    const std::uint8_t tag = byte();
    if (tag < 0xe0) return tag;
    const auto large = static_cast<std::size_t>(number(2));
    return tag < 0xfc ? large % 12'000 : large * 2;  // published in chunks, or larger than the ring
  }

  std::int64_t timeout_ns() {
    static constexpr std::int64_t kTimeouts[] = {0, 0, 0, 0, SMIPC_SOON, 2'000, 50'000, 0};
    return kTimeouts[byte() & 7];
  }

 private:
  const std::uint8_t* data_;
  std::size_t left_;
};

}  // namespace smipc::fuzz
