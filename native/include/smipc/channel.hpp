// Channels: the writer, the reader, and waiting for several readers.
#ifndef SMIPC_CHANNEL_HPP
#define SMIPC_CHANNEL_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base.hpp"
#include "bytes.hpp"
#include "channel_end.hpp"
#include "channel_options.hpp"
#include "loan.hpp"

namespace smipc {

// The end that writes. Opening never waits for the reader.
class Writer : public detail::End {
 public:
  // Throws Error: SMIPC_E_END_TAKEN (what() names the pid), _INVALID, _WRONG_FRAMING, _PERMISSION,
  // _NO_SPACE ... as smipc_channel_open.
  explicit Writer(std::string_view name, const Options &options = {})
      : End(name, SMIPC_WRITER, options) {}

  // Stream: writes all of `data`, waiting for room. Up to the capacity it is all or nothing; of
  // more than that a part may have gone when an error is thrown: try_write says how much.
  void write(Bytes data, Timeout timeout = forever) {
    std::size_t written = 0;
    detail::check(try_write(data, written, timeout));
  }
  [[nodiscard]] Status try_write(Bytes data, std::size_t &written,
                                 Timeout timeout = no_wait) noexcept {
    return smipc_channel_write(handle(), data.data(), data.size(), timeout.nanoseconds(), &written);
  }

  // Message: sends one, of any size, whole or not at all. One that is larger than the channel
  // passes in pieces while the reader takes them.
  void send(Bytes message, Timeout timeout = forever) { detail::check(try_send(message, timeout)); }
  [[nodiscard]] Status try_send(Bytes message, Timeout timeout = no_wait) noexcept {
    return smipc_channel_send(handle(), message.data(), message.size(), timeout.nanoseconds());
  }

  // Message: sends the concatenation of `parts` as one. With `progress` (0 for a new message), a
  // large message that timed out or was interrupted half-way is gone on with by the same call.
  void send_parts(std::span<const Bytes> parts, Timeout timeout = forever,
                  std::uint64_t *progress = nullptr) {
    detail::check(smipc_channel_send_parts(handle(), parts.empty() ? nullptr : parts.front().raw(),
                                           parts.size(), timeout.nanoseconds(), progress));
  }

  // Message: sends them in order, publishing in groups. try_send_many also says how many have
  // gone when there was an error; the rest has not gone.
  void send_many(std::span<const Bytes> messages, Timeout timeout = forever) {
    std::size_t sent = 0;
    detail::check(try_send_many(messages, sent, timeout));
  }
  [[nodiscard]] Status try_send_many(std::span<const Bytes> messages, std::size_t &sent,
                                     Timeout timeout = no_wait) noexcept {
    return smipc_channel_send_many(handle(), messages.empty() ? nullptr : messages.front().raw(),
                                   messages.size(), timeout.nanoseconds(), &sent);
  }

  // Message, zero copy: waits for room for `size` bytes. One at a time, and no send meanwhile
  // (SMIPC_E_BUSY); more than the capacity is SMIPC_E_INVALID.
  [[nodiscard]] Reservation reserve(std::size_t size, Timeout timeout = forever) {
    Reservation reservation;
    detail::check(try_reserve(reservation, size, timeout));
    return reservation;
  }
  [[nodiscard]] Status try_reserve(Reservation &out, std::size_t size,
                                   Timeout timeout = no_wait) noexcept {
    void *data = nullptr;
    Status status = smipc_channel_reserve(handle(), size, timeout.nanoseconds(), &data);
    if (status == SMIPC_OK)
      out = Reservation(handle(), std::span(static_cast<std::byte *>(data), size));
    return status;
  }

  // Waits until the reader has taken everything.
  void flush(Timeout timeout = forever) {
    detail::check(smipc_channel_flush(handle(), timeout.nanoseconds()));
  }
};

// Up to `limit` messages taken with one call, in memory that is used again. Made once, filled by
// Reader::recv_many, and read as a range of Bytes, which are valid until it is filled again. Moved,
// not copied: the messages of a copy would lie in what it was copied from.
class Batch {
 public:
  explicit Batch(std::size_t limit = 256, std::size_t buffer_bytes = 65536)
      : buffer_(buffer_bytes), messages_(limit) {}
  Batch(Batch &&) noexcept = default;
  Batch &operator=(Batch &&) noexcept = default;

  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  const Bytes &operator[](std::size_t i) const noexcept { return messages_[i]; }
  const Bytes *begin() const noexcept { return messages_.data(); }
  const Bytes *end() const noexcept { return messages_.data() + count_; }

 private:
  friend class Reader;
  std::vector<std::byte> buffer_;
  std::vector<Bytes> messages_;
  std::size_t count_ = 0;
};

// The end that reads. What was written is drained first; then a closed opposite end is
// OppositeEndClosed, and a killed one OppositeEndDied. Opening never waits for the writer.
class Reader : public detail::End {
 public:
  explicit Reader(std::string_view name, const Options &options = {})
      : End(name, SMIPC_READER, options) {}

  // Stream: fills all of `buffer`, waiting for the bytes.
  void read(MutableBytes buffer, Timeout timeout = forever) {
    detail::check(try_read(buffer, timeout));
  }
  [[nodiscard]] Status try_read(MutableBytes buffer, Timeout timeout = no_wait) noexcept {
    return smipc_channel_read(handle(), buffer.data(), buffer.size(), timeout.nanoseconds());
  }

  // Stream: reads what is there, at least one byte, and returns how many.
  std::size_t read_some(MutableBytes buffer, Timeout timeout = forever) {
    std::size_t size = 0;
    detail::check(try_read_some(buffer, size, timeout));
    return size;
  }
  [[nodiscard]] Status try_read_some(MutableBytes buffer, std::size_t &size,
                                     Timeout timeout = no_wait) noexcept {
    return smipc_channel_read_some(handle(), buffer.data(), buffer.size(), timeout.nanoseconds(),
                                   &size);
  }

  // Message: receives one, as bytes, as text, or into a container of bytes or characters, whose
  // memory is used again. After an error the container is empty and the message still there.
  [[nodiscard]] std::vector<std::byte> recv(Timeout timeout = forever) {
    std::vector<std::byte> message;
    recv(message, timeout);
    return message;
  }
  [[nodiscard]] std::string recv_string(Timeout timeout = forever) {
    std::string message;
    recv(message, timeout);
    return message;
  }
  template <detail::ByteContainer C>
  void recv(C &into, Timeout timeout = forever) {
    const detail::Deadline deadline(timeout);
    std::size_t size = 0;
    Status status = try_recv(into, size, timeout);
    while (status == SMIPC_E_BUFFER_TOO_SMALL) {
      into.resize(size);
      status = try_recv(into, size, deadline.left());
    }
    into.resize(status == SMIPC_OK ? size : 0);
    detail::check(status);
  }

  // Message: receives one into the caller's memory and returns its size. SMIPC_E_BUFFER_TOO_SMALL
  // leaves the message; try_recv then says in `size` what it needs.
  std::size_t recv_into(MutableBytes buffer, Timeout timeout = forever) {
    std::size_t size = 0;
    detail::check(try_recv(buffer, size, timeout));
    return size;
  }
  [[nodiscard]] Status try_recv(MutableBytes buffer, std::size_t &size,
                                Timeout timeout = no_wait) noexcept {
    return smipc_channel_recv(handle(), buffer.data(), buffer.size(), timeout.nanoseconds(), &size);
  }

  // Message: as recv_into, filling the parts one after the other.
  std::size_t recv_parts(std::span<const MutableBytes> parts, Timeout timeout = forever) {
    std::size_t size = 0;
    detail::check(smipc_channel_recv_parts(handle(), parts.empty() ? nullptr : parts.front().raw(),
                                           parts.size(), timeout.nanoseconds(), &size));
    return size;
  }

  // Message: fills `batch` with what is there, at least one message, and returns how many. The
  // batch grows when the first message is larger than its buffer.
  std::size_t recv_many(Batch &batch, Timeout timeout = forever) {
    const detail::Deadline deadline(timeout);
    std::size_t needed = 0;
    Status status = fill(batch, needed, timeout);
    while (status == SMIPC_E_BUFFER_TOO_SMALL) {
      batch.buffer_.resize(needed);
      status = fill(batch, needed, deadline.left());
    }
    detail::check(status);
    return batch.size();
  }

  // Message: waits for the next one without taking it, and returns its size.
  std::size_t next_size(Timeout timeout = forever) {
    std::size_t size = 0;
    detail::check(smipc_channel_next(handle(), nullptr, 0, timeout.nanoseconds(), &size, nullptr));
    return size;
  }

  // Message, zero copy: waits for the next one and lends it. Until it is released this lends the same
  // one again, and the first Borrow to go releases it.
  [[nodiscard]] Borrow peek(Timeout timeout = forever) {
    Borrow borrow;
    detail::check(try_peek(borrow, timeout));
    return borrow;
  }
  // What `out` held before is released first.
  [[nodiscard]] Status try_peek(Borrow &out, Timeout timeout = no_wait) noexcept {
    out.release();
    const void *data = nullptr;
    std::size_t size = 0;
    Status status = smipc_channel_peek(handle(), timeout.nanoseconds(), &data, &size);
    if (status == SMIPC_OK)
      out = Borrow(handle(), std::span(static_cast<const std::byte *>(data), size));
    return status;
  }

  // Starts a thread that reads and calls back; every other reading member then gives SMIPC_E_BUSY.
  // The callback is kept until the listener is stopped or this end destroyed, and must not close,
  // stop or destroy this end. What it throws does not end the listener: the first exception is
  // kept for stop_listening().
  void listen(ListenerCallback callback) {
    // Braces: clang before 16 makes no aggregate of parentheses, which make_unique uses.
    std::unique_ptr<detail::Listener> listener(
        new detail::Listener{std::move(callback), nullptr, nullptr});
    detail::check(smipc_channel_listen(handle(), &detail::Listener::call, listener.get()));
    if (listener_ != nullptr) listener->earlier_error = listener_->error();  // it ended by itself
    listener_ = std::move(listener);
  }

  // Waits for a running callback, then throws what a callback threw first, if any did. Nothing
  // that was not handed to the callback is consumed. Fine when nothing listens.
  void stop_listening() {
    detail::check(smipc_channel_listen_stop(handle()));
    auto listener = std::exchange(listener_, nullptr);
    const std::exception_ptr error = listener != nullptr ? listener->error() : nullptr;
    if (error) std::rethrow_exception(error);
  }

  // POSIX: a descriptor for poll and its like, readable while this end can be read without
  // waiting. Never to be read or closed by the caller. SMIPC_E_UNSUPPORTED elsewhere.
  int fd() const {
    std::int32_t descriptor = -1;
    detail::check(smipc_channel_fd(handle(), &descriptor));
    return descriptor;
  }

 private:
  Status fill(Batch &batch, std::size_t &needed, Timeout timeout) noexcept {
    batch.count_ = 0;
    return smipc_channel_recv_many(
        handle(), batch.buffer_.data(), batch.buffer_.size(), batch.messages_.size(),
        timeout.nanoseconds(), batch.messages_.empty() ? nullptr : batch.messages_.front().raw(),
        &batch.count_, &needed);
  }
};

// Waits until at least one of `readers` can be read without waiting (something is there, or its
// opposite end is gone) and returns those that can, in order; none when the time has passed.
[[nodiscard]] inline std::vector<Reader *> wait(std::span<Reader *const> readers,
                                                Timeout timeout = forever) {
  std::vector<smipc_channel *> channels;
  channels.reserve(readers.size());
  for (const Reader *reader : readers) channels.push_back(reader->handle());
  std::vector<std::uint8_t> is_ready(readers.size());
  std::vector<Reader *> ready;
  Status status =
      smipc_wait(channels.data(), channels.size(), timeout.nanoseconds(), is_ready.data(), nullptr);
  if (status == SMIPC_E_TIMED_OUT) return ready;
  detail::check(status);
  for (std::size_t i = 0; i < readers.size(); ++i)
    if (is_ready[i] != 0) ready.push_back(readers[i]);
  return ready;
}
[[nodiscard]] inline std::vector<Reader *> wait(std::initializer_list<Reader *> readers,
                                                Timeout timeout = forever) {
  return wait(std::span<Reader *const>(readers.begin(), readers.size()), timeout);
}

// Removes a name. Open ends go on with each other; the next open creates a new channel.
// SMIPC_E_NOT_FOUND.
inline void unlink(std::string_view name) {
  detail::check(smipc_channel_unlink(name.data(), name.size()));
}

}  // namespace smipc

#endif  // SMIPC_CHANNEL_HPP
