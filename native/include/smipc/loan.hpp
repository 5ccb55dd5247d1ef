// Messages written and read where they lie: Writer::reserve and Reader::peek.
#ifndef SMIPC_LOAN_HPP
#define SMIPC_LOAN_HPP

#include <cstddef>
#include <span>
#include <type_traits>
#include <utility>

#include "base.hpp"

namespace smipc {

namespace detail {

// A message's bytes in the ring, lent to this process until kEnd is called, at the latest by the
// destructor. Moving hands the duty on. An end lends one message at a time: two loans of one end are
// the same loan.
template <class Byte, Status (*kEnd)(smipc_channel *)>
class Loan {
 public:
  Loan() noexcept = default;
  Loan(Loan &&other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Loan &operator=(Loan &&other) noexcept {
    if (this == &other) return *this;
    if (channel_ != other.channel_) end();
    channel_ = std::exchange(other.channel_, nullptr);
    bytes_ = std::exchange(other.bytes_, {});
    return *this;
  }
  ~Loan() { end(); }

  // Contiguous and 8-byte aligned, also where the ring wraps. Empty, and not to be touched any
  // more, once the loan has ended.
  std::span<Byte> bytes() const noexcept { return bytes_; }

  // The same as elements of T, of which as many are meant as fit.
  template <class T>
    requires(std::is_trivially_copyable_v<T> && alignof(T) <= 8)
  auto as() const noexcept {
    using Element = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    return std::span<Element>(reinterpret_cast<Element *>(bytes_.data()),
                              bytes_.size() / sizeof(T));
  }

 protected:
  Loan(smipc_channel *channel, std::span<Byte> bytes) noexcept : channel_(channel), bytes_(bytes) {}
  void end() noexcept {
    if (channel_ != nullptr) kEnd(channel_);
    forget();
  }
  void forget() noexcept {
    channel_ = nullptr;
    bytes_ = {};
  }

  smipc_channel *channel_ = nullptr;
  std::span<Byte> bytes_;
};

}  // namespace detail

// Room in the ring for one message, to be written in place. commit() publishes it; without that
// the destructor gives it back and nobody sees it. Made by Writer::reserve.
class Reservation : public detail::Loan<std::byte, smipc_channel_abort> {
 public:
  Reservation() noexcept = default;

  // Publishes all of it, or its first `size` bytes, as one message. After an error it can still be
  // committed or aborted. SMIPC_E_INVALID (more than was reserved, or nothing reserved).
  void commit() { commit(bytes_.size()); }
  void commit(std::size_t size) {
    detail::check(smipc_channel_commit(channel_, size));
    forget();
  }

  // Gives the room back. Idempotent.
  void abort() noexcept { end(); }

 private:
  friend class Writer;
  using Loan::Loan;
};

// A message that is read where it lies. It leaves the channel with release() or the destructor;
// a reader that is killed before leaves it to its successor. Made by Reader::peek.
class Borrow : public detail::Loan<const std::byte, smipc_channel_release> {
 public:
  Borrow() noexcept = default;

  // Takes the message off the channel. Idempotent.
  void release() noexcept { end(); }

 private:
  friend class Reader;
  using Loan::Loan;
};

}  // namespace smipc

#endif  // SMIPC_LOAN_HPP
