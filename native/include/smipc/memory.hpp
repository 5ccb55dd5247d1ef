// Named shared memory: smipc/memory.h with RAII, spans and exceptions.
//
//   smipc::SharedMemory table("table", {.size_bytes = 4096,
//                                       .existence = smipc::Existence::kLinkOrCreate});
//   table.as<std::atomic<int>>()[0] = 1;
#ifndef SMIPC_MEMORY_HPP
#define SMIPC_MEMORY_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>

#include "base.hpp"
#include "existence.hpp"
#include "memory.h"

namespace smipc {

struct MemoryOptions {
  std::uint64_t size_bytes = 0;  // of a new one; of an existing one, at least so many
  bool read_only = false;
  Existence existence = Existence::kRaiseIfNotExists;
  Unlink unlink = Unlink::kIfCreated;
  Access access = Access::kUser;
};

class SharedMemory {
 public:
  explicit SharedMemory(std::string_view name, const MemoryOptions &options = {})
      : read_only_(options.read_only) {
    const smipc_object_options raw =
        detail::object_options(options.existence, options.unlink, options.access);
    smipc_memory *handle = nullptr;
    std::int32_t created = 0;
    detail::check(smipc_memory_open(name.data(), name.size(), options.size_bytes,
                                    options.read_only ? 1 : 0, &raw, &created, &handle));
    handle_.reset(handle);
    created_ = created != 0;
    void *data = nullptr;
    std::uint64_t size = 0;
    detail::check(smipc_memory_data(handle, &data, &size));
    data_ = {static_cast<std::byte *>(data), static_cast<std::size_t>(size)};
  }

  // Whether this handle made it.
  bool created() const noexcept { return created_; }
  bool read_only() const noexcept { return read_only_; }
  std::size_t size() const noexcept { return data_.size(); }

  // All of it, for as long as this object lives. Writing to read-only memory is a fault, so
  // writable_bytes and as<T> refuse it: SMIPC_E_INVALID.
  std::span<const std::byte> bytes() const noexcept { return data_; }
  std::span<std::byte> writable_bytes() {
    refuse_writing<std::byte>();
    return data_;
  }
  // As many T as fit; read-only memory gives them as const T.
  template <class T>
    requires(std::is_trivially_destructible_v<T> && std::is_standard_layout_v<T>)
  std::span<T> as() {
    refuse_writing<T>();
    return {reinterpret_cast<T *>(data_.data()), data_.size() / sizeof(T)};
  }

  // SMIPC_E_UNSUPPORTED on Windows.
  std::int32_t fd() const {
    std::int32_t fd = -1;
    detail::check(smipc_memory_fd(handle_.get(), &fd));
    return fd;
  }

  // Closes the descriptor; the memory stays mapped until this object goes.
  void close() { detail::check(smipc_memory_close(handle_.get())); }

  // Removes the name, if it is still this memory's: else SMIPC_E_NOT_FOUND.
  void unlink() { detail::check(smipc_memory_unlink_own(handle_.get())); }
  static void unlink(std::string_view name) {
    detail::check(smipc_memory_unlink(name.data(), name.size()));
  }

 private:
  struct Free {
    void operator()(smipc_memory *handle) const noexcept { smipc_memory_free(handle); }
  };

  template <class T>
  void refuse_writing() const {
    if (read_only_ && !std::is_const_v<T>) {
      throw Error(SMIPC_E_INVALID, "shared memory that was opened read-only cannot be written");
    }
  }

  std::unique_ptr<smipc_memory, Free> handle_;
  std::span<std::byte> data_;
  bool created_ = false;
  bool read_only_ = false;
};

}  // namespace smipc

#endif
