// Runs of bytes that are handed to a call. They own nothing.
#ifndef SMIPC_BYTES_HPP
#define SMIPC_BYTES_HPP

#include <concepts>
#include <cstddef>
#include <ranges>
#include <string_view>
#include <type_traits>

#include "../smipc.h"

namespace smipc {

namespace detail {

template <class R>
concept Contiguous = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                     std::is_trivially_copyable_v<std::ranges::range_value_t<R>>;

template <class T>
concept Character = std::same_as<T, char> || std::same_as<T, wchar_t> || std::same_as<T, char8_t> ||
                    std::same_as<T, char16_t> || std::same_as<T, char32_t>;

// Refused as a source: "text" would send its terminating NUL. Say "text"sv.
template <class R>
concept CharArray =
    std::is_array_v<std::remove_cvref_t<R>> && Character<std::ranges::range_value_t<R>>;

template <class R>
concept WritableElements =
    !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

template <class C>
concept ByteContainer = Contiguous<C> && sizeof(std::ranges::range_value_t<C>) == 1 &&
                        requires(C &c, std::size_t n) { c.resize(n); };

}  // namespace detail

// A run of bytes to be sent: made of any contiguous range of trivially copyable elements (vector,
// array, span, string, string_view ...). It is a range itself, so a std::span<const std::byte> can
// be made of it.
class Bytes : private smipc_buffer {
 public:
  constexpr Bytes() noexcept : smipc_buffer{nullptr, 0} {}
  Bytes(const void *data, std::size_t size) noexcept
      : smipc_buffer{const_cast<void *>(data), size} {}
  template <class R>
    requires(!std::same_as<R, Bytes> && detail::Contiguous<const R> && !detail::CharArray<R>)
  Bytes(const R &range) noexcept
      : Bytes(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range)) *
                                            sizeof(std::ranges::range_value_t<const R>)) {}

  const std::byte *data() const noexcept {
    return static_cast<const std::byte *>(smipc_buffer::data);
  }
  std::size_t size() const noexcept { return smipc_buffer::size; }
  const std::byte *begin() const noexcept { return data(); }
  const std::byte *end() const noexcept { return data() + size(); }
  std::string_view text() const noexcept {
    return {static_cast<const char *>(smipc_buffer::data), size()};
  }
  const smipc_buffer *raw() const noexcept { return this; }
  smipc_buffer *raw() noexcept { return this; }
};

// A run of bytes to be received into: made of any contiguous range of trivially copyable elements
// that can be written.
class MutableBytes : private smipc_buffer {
 public:
  constexpr MutableBytes() noexcept : smipc_buffer{nullptr, 0} {}
  MutableBytes(void *data, std::size_t size) noexcept : smipc_buffer{data, size} {}
  template <class R>
    requires(!std::same_as<std::remove_cvref_t<R>, MutableBytes> && detail::Contiguous<R> &&
             detail::WritableElements<R> &&
             (std::is_lvalue_reference_v<R> || std::ranges::borrowed_range<R>))
  MutableBytes(R &&range) noexcept
      : MutableBytes(std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range)) *
                                                   sizeof(std::ranges::range_value_t<R>)) {}

  std::byte *data() const noexcept { return static_cast<std::byte *>(smipc_buffer::data); }
  std::size_t size() const noexcept { return smipc_buffer::size; }
  std::byte *begin() const noexcept { return data(); }
  std::byte *end() const noexcept { return data() + size(); }
  const smipc_buffer *raw() const noexcept { return this; }
};

// Arrays of either are handed to C as arrays of smipc_buffer.
static_assert(sizeof(Bytes) == sizeof(smipc_buffer) && std::is_standard_layout_v<Bytes>);
static_assert(sizeof(MutableBytes) == sizeof(smipc_buffer));
static_assert(std::is_standard_layout_v<MutableBytes>);

}  // namespace smipc

#endif  // SMIPC_BYTES_HPP
