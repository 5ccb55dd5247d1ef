// A run of caller's buffers seen as one: scatter and gather without joining them first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/copy.h"
#include "smipc.h"

namespace smipc::detail {

class Parts {
 public:
  Parts(const smipc_buffer* parts, std::size_t count) : parts_(parts), count_(count) {
    for (std::size_t i = 0; i < count; ++i) total_ += parts[i].size;
  }

  std::uint64_t total() const { return total_; }

  // One past the last byte copied so far.
  std::uint64_t position() const { return position_; }

  void seek(std::uint64_t position) {
    index_ = 0;
    offset_ = position;
    position_ = position;
    while (index_ < count_ && offset_ >= parts_[index_].size) offset_ -= parts_[index_++].size;
  }

  // By copy(to, from, size).
  template <class Copy>
  void copy_out(void* to, std::size_t size, Copy copy) {
    auto* out = static_cast<std::byte*>(to);
    walk(size, [&out, &copy](std::byte* part, std::size_t n) {
      copy(out, part, n);
      out += n;
    });
  }

  void copy_in(const void* from, std::size_t size) {
    const auto* in = static_cast<const std::byte*>(from);
    walk(size, [&in](std::byte* part, std::size_t n) {
      copy_bytes<OutOfRing>(part, in, n);
      in += n;
    });
  }

 private:
  template <class Copy>
  void walk(std::size_t size, Copy copy) {
    position_ += size;
    while (size > 0) {
      const smipc_buffer& part = parts_[index_];
      const std::size_t n =
          std::min<std::uint64_t>(size, part.size - static_cast<std::size_t>(offset_));
      if (n > 0) copy(static_cast<std::byte*>(part.data) + offset_, n);
      offset_ += n;
      size -= n;
      if (offset_ == part.size) {
        ++index_;
        offset_ = 0;
      }
    }
  }

  const smipc_buffer* parts_;
  std::size_t count_;
  std::size_t index_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t position_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace smipc::detail
