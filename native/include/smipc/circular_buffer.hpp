// Circular buffers: smipc/circular_buffer.h with RAII, spans and exceptions.
//
//   smipc::CircularBufferWriter out("samples", {.item_size = sizeof(Sample), .length = 1024});
//   out.push(std::as_bytes(std::span(&sample, 1)));
//
//   smipc::CircularBufferReader in("samples");
//   const std::size_t items = in.pop(std::as_writable_bytes(std::span(samples)));
#ifndef SMIPC_CIRCULAR_BUFFER_HPP
#define SMIPC_CIRCULAR_BUFFER_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base.hpp"
#include "circular_buffer.h"

namespace smipc {

using CircularBufferStatus = smipc_circular_buffer_status;

struct CircularBufferOptions {
  std::uint64_t item_size = 0;  // 0: as the buffer has it, 1 for a new one
  std::uint64_t length = 0;     // 0: as the buffer has it, 2 for a new one
  Access access = Access::kUser;
};

namespace detail {

class CircularBufferEnd {
 public:
  CircularBufferStatus status() const {
    CircularBufferStatus status = {};
    status.struct_size = static_cast<std::uint32_t>(sizeof status);
    check(smipc_circular_buffer_get_status(handle_.get(), &status));
    return status;
  }
  void close() { check(smipc_circular_buffer_close(handle_.get())); }

 protected:
  CircularBufferEnd(std::string_view name, std::int32_t mode,
                    const CircularBufferOptions &options) {
    smipc_circular_buffer_options raw;
    smipc_circular_buffer_options_init(&raw);
    raw.access = static_cast<std::uint32_t>(options.access);
    raw.item_size = options.item_size;
    raw.length = options.length;
    smipc_circular_buffer *handle = nullptr;
    check(smipc_circular_buffer_open(name.data(), name.size(), mode, &raw, &handle));
    handle_.reset(handle);
  }

  struct Free {
    void operator()(smipc_circular_buffer *handle) const noexcept {
      smipc_circular_buffer_free(handle);
    }
  };
  std::unique_ptr<smipc_circular_buffer, Free> handle_;
};

}  // namespace detail

class CircularBufferWriter : public detail::CircularBufferEnd {
 public:
  explicit CircularBufferWriter(std::string_view name, const CircularBufferOptions &options = {})
      : CircularBufferEnd(name, SMIPC_WRITER, options) {}

  // Any number of whole items.
  void push(std::span<const std::byte> items) {
    detail::check(smipc_circular_buffer_push(handle_.get(), items.data(), items.size()));
  }
};

class CircularBufferReader : public detail::CircularBufferEnd {
 public:
  explicit CircularBufferReader(std::string_view name, const CircularBufferOptions &options = {})
      : CircularBufferEnd(name, SMIPC_READER, options) {}

  // How many items it got: as many as there are and fit.
  [[nodiscard]] std::size_t pop(std::span<std::byte> out) {
    std::uint64_t count = 0;
    detail::check(smipc_circular_buffer_pop(handle_.get(), out.data(), out.size(), &count));
    return static_cast<std::size_t>(count);
  }
};

}  // namespace smipc

#endif
