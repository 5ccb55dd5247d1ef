// smipc for C++20: smipc.h with RAII, spans and exceptions, and nothing else.
//
//   smipc::Writer out("camera", {.capacity_bytes = 1 << 20, .framing = smipc::Framing::kMessage});
//   out.send(std::as_bytes(std::span(pixels)));
//
//   smipc::Reader in("camera", {.framing = smipc::Framing::kMessage});
//   std::vector<std::byte> frame = in.recv(std::chrono::milliseconds(100));
//
// What holds for every member; a member's own comment gives only what differs.
//   Errors     thrown as smipc::Error: status() is one of the SMIPC_E_* of smipc.h, what() the
//              sentence of smipc_last_error(). Members called try_* never throw: they return the
//              status, and by default they do not wait. After an error nothing has been consumed.
//   Blocking   a Timeout is a std::chrono duration: 0 or less tries once, std::nullopt or
//              smipc::forever waits. A signal handler that runs meanwhile ends a call with
//              SMIPC_E_INTERRUPTED; call again to go on.
//   Threads    those of smipc.h: calls on one end are serialised, close() may come from any thread.
//              Moving, assigning and destroying an end need it for themselves.
//   Ownership  Bytes and MutableBytes do not own: they are for the length of a call. A Reservation
//              or Borrow must not outlive its end. A moved-from object can be assigned or
//              destroyed.
//   Fork       in a forked child every call gives SMIPC_E_FORKED; the parent is not affected.
#ifndef SMIPC_HPP
#define SMIPC_HPP

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "smipc.h"

namespace smipc {

using Status = smipc_status;                 // SMIPC_OK or one of SMIPC_E_*
using ChannelStatus = smipc_channel_status;  // its fields are described in smipc.h

// ---- Errors ----------------------------------------------------------------------------------

class Error : public std::runtime_error {
 public:
  Error(Status status, const char *what) : std::runtime_error(what), status_(status) {}
  Status status() const noexcept { return status_; }
  const char *name() const noexcept { return smipc_status_name(status_); }

 private:
  Status status_;
};

// The three that programs catch on purpose.
struct TimedOut : Error {
  using Error::Error;
};
struct OppositeEndClosed : Error {
  using Error::Error;
};
struct OppositeEndDied : OppositeEndClosed {
  using OppositeEndClosed::OppositeEndClosed;
};

namespace detail {

// Throws what belongs to `status`, which is the status of this thread's last call.
[[noreturn]] inline void fail(Status status) {
  const char *text = smipc_last_error();
  if (text == nullptr || *text == '\0') text = smipc_status_message(status);
  switch (status) {
    case SMIPC_E_TIMED_OUT:
      throw TimedOut(status, text);
    case SMIPC_E_OPPOSITE_CLOSED:
      throw OppositeEndClosed(status, text);
    case SMIPC_E_OPPOSITE_DIED:
      throw OppositeEndDied(status, text);
    default:
      throw Error(status, text);
  }
}

inline void check(Status status) {
  if (status != SMIPC_OK) [[unlikely]]
    fail(status);
}

template <class R>
concept Contiguous = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                     std::is_trivially_copyable_v<std::ranges::range_value_t<R>>;

// Refused as a source: "text" would send its terminating NUL. Say "text"sv.
template <class R>
concept CharArray =
    std::is_array_v<std::remove_cvref_t<R>> && std::same_as<std::ranges::range_value_t<R>, char>;

template <class R>
concept WritableElements =
    !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<R>>>;

template <class C>
concept ByteContainer = Contiguous<C> && sizeof(std::ranges::range_value_t<C>) == 1 &&
                        requires(C &c, std::size_t n) { c.resize(n); };

}  // namespace detail

// ---- Timeouts --------------------------------------------------------------------------------

// Rounded up to nanoseconds; a duration beyond 292 years is for ever.
class Timeout {
 public:
  constexpr Timeout(std::nullopt_t) noexcept {}

  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> time) noexcept {
    using Seconds = std::chrono::duration<double>;
    if (!(time > time.zero())) {
      ns_ = 0;
    } else if (std::chrono::duration_cast<Seconds>(time) < Seconds(9.2e9)) {
      ns_ = std::chrono::ceil<std::chrono::nanoseconds>(time).count();
    }
  }

  template <class Rep, class Period>
  constexpr Timeout(std::optional<std::chrono::duration<Rep, Period>> time) noexcept
      : Timeout(time ? Timeout(*time) : Timeout(std::nullopt)) {}

  constexpr std::int64_t nanoseconds() const noexcept { return ns_; }

 private:
  std::int64_t ns_ = SMIPC_FOREVER;
};

inline constexpr Timeout forever{std::nullopt};
inline constexpr Timeout no_wait{std::chrono::nanoseconds{0}};

namespace detail {

// What is left of a timeout for the second and later calls that serve one request.
class Deadline {
 public:
  explicit Deadline(Timeout timeout) : timeout_(timeout) {
    if (timeout.nanoseconds() > 0) start_ = Clock::now();
  }
  Timeout left() const {
    if (timeout_.nanoseconds() <= 0) return timeout_;
    return std::chrono::nanoseconds(timeout_.nanoseconds()) - (Clock::now() - start_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Timeout timeout_;
  Clock::time_point start_{};
};

}  // namespace detail

// ---- Bytes -----------------------------------------------------------------------------------

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

// ---- Options ---------------------------------------------------------------------------------

enum class Framing : std::uint32_t { kStream = SMIPC_STREAM, kMessage = SMIPC_MESSAGE };

enum class Wait : std::uint32_t {
  kSpin = SMIPC_WAIT_SPIN,
  kHybrid = SMIPC_WAIT_HYBRID,
  kBlock = SMIPC_WAIT_BLOCK
};

enum class Lifetime : std::uint32_t {
  kProcess = SMIPC_LIFETIME_PROCESS,
  kKernel = SMIPC_LIFETIME_KERNEL
};

enum class Access : std::uint32_t {
  kUser = SMIPC_ACCESS_USER,
  kGroup = SMIPC_ACCESS_GROUP,
  kAll = SMIPC_ACCESS_ALL
};

enum class LogLevel : std::int32_t {
  kDisable = SMIPC_LOG_DISABLE,
  kBasic = SMIPC_LOG_BASIC,
  kAll = SMIPC_LOG_ALL
};

// Who comes first creates the channel; the second attaches, and of its options only `framing`
// (which must match) and `wait` (its own) count.
struct Options {
  std::uint64_t capacity_bytes = 65536;
  Framing framing = Framing::kStream;
  Wait wait = Wait::kHybrid;
  Lifetime lifetime = Lifetime::kProcess;
  Access access = Access::kUser;
};

// ---- Zero copy -------------------------------------------------------------------------------

namespace detail {

// A message's bytes in the ring, lent to this process until kEnd is called, at the latest by the
// destructor. Moving hands the duty on.
template <class Byte, Status (*kEnd)(smipc_channel *)>
class Loan {
 public:
  Loan() noexcept = default;
  Loan(Loan &&other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
  Loan &operator=(Loan &&other) noexcept {
    if (this == &other) return *this;
    end();
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

// ---- Ends ------------------------------------------------------------------------------------

// Called on the listener's thread, with a message (or the bytes that were there) and SMIPC_OK, or
// with no data and the status that ended the listener. The data is valid during the call.
using ListenerCallback = std::function<void(std::span<const std::byte> data, Status status)>;

namespace detail {

struct Listener {
  ListenerCallback callback;
  std::exception_ptr first_error;

  // No exception may cross the C boundary. The stopping thread reads first_error after the
  // listener's thread has ended.
  static void call(void *context, const void *data, std::size_t size, Status status) noexcept {
    auto *self = static_cast<Listener *>(context);
    try {
      self->callback({static_cast<const std::byte *>(data), size}, status);
    } catch (...) {
      if (!self->first_error) self->first_error = std::current_exception();
    }
  }
};

// What a writer and a reader have in common. Closed and freed by the destructor.
class End {
 public:
  // Closes the end; the opposite end may drain what was written. Idempotent, from any thread
  // but the listener's own, wakes every call that waits in this end (SMIPC_E_CLOSED).
  void close() { check(smipc_channel_close(handle())); }

  bool is_open() const { return status().is_open != 0; }

  // Counters, cursors and who is attached. Never blocks; works on a closed end.
  ChannelStatus status() const {
    ChannelStatus status{};
    status.struct_size = sizeof status;
    check(smipc_channel_get_status(handle(), &status));
    return status;
  }

  // "Channel(name): mode=[R|W] ...", the line that Python's print_status() prints.
  std::string status_text() const {
    std::string text(512, '\0');
    std::size_t size = 0;
    Status status;
    while ((status = smipc_channel_status_text(handle(), text.data(), text.size(), &size)) ==
           SMIPC_E_BUFFER_TOO_SMALL)
      text.resize(text.size() * 2);
    check(status);
    text.resize(size);
    return text;
  }

  // For calls of smipc.h that have no member here. Stays owned by this object.
  smipc_channel *handle() const noexcept { return channel_.get(); }

 protected:
  End(std::string_view name, std::uint32_t mode, const Options &options) {
    smipc_channel_options raw;
    smipc_channel_options_init(&raw);
    raw.framing = static_cast<std::uint32_t>(options.framing);
    raw.wait = static_cast<std::uint32_t>(options.wait);
    raw.lifetime = static_cast<std::uint32_t>(options.lifetime);
    raw.access = static_cast<std::uint32_t>(options.access);
    smipc_channel *channel = nullptr;
    check(
        smipc_channel_open(name.data(), name.size(), mode, options.capacity_bytes, &raw, &channel));
    channel_.reset(channel);
  }
  End(End &&) noexcept = default;
  End &operator=(End &&other) noexcept {
    channel_ = std::move(other.channel_);
    listener_ = std::move(other.listener_);
    return *this;
  }
  ~End() = default;

  struct Free {
    void operator()(smipc_channel *channel) const noexcept { smipc_channel_free(channel); }
  };
  // In this order: freeing the channel ends the thread that uses the listener.
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<smipc_channel, Free> channel_;
};

}  // namespace detail

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
// Reader::recv_many, and read as a range of Bytes, which are valid until it is filled again.
class Batch {
 public:
  explicit Batch(std::size_t limit = 256, std::size_t buffer_bytes = 65536)
      : buffer_(buffer_bytes), messages_(limit) {}

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

  // Message, zero copy: waits for the next one and lends it.
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
    auto listener = std::make_unique<detail::Listener>(std::move(callback), nullptr);
    detail::check(smipc_channel_listen(handle(), &detail::Listener::call, listener.get()));
    listener_ = std::move(listener);
  }

  // Waits for a running callback, then throws what a callback threw first, if any did. Nothing
  // that was not handed to the callback is consumed. Fine when nothing listens.
  void stop_listening() {
    detail::check(smipc_channel_listen_stop(handle()));
    auto listener = std::exchange(listener_, nullptr);
    if (listener != nullptr && listener->first_error) std::rethrow_exception(listener->first_error);
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

// ---- Library ---------------------------------------------------------------------------------

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

// Sets the log level of the process (lines go to stderr). Optional.
inline void init(LogLevel level) { detail::check(smipc_init(static_cast<std::int32_t>(level))); }

// Closes every end that this process has open.
inline void clean() { detail::check(smipc_clean()); }

// Removes what killed processes have left, and returns how many segments that were.
inline std::size_t clean_stale() {
  std::size_t removed = 0;
  detail::check(smipc_clean_stale(&removed));
  return removed;
}

// Removes a name. Open ends go on with each other; the next open creates a new channel.
// SMIPC_E_NOT_FOUND.
inline void unlink(std::string_view name) {
  detail::check(smipc_channel_unlink(name.data(), name.size()));
}

}  // namespace smipc

#include "smipc/circular_buffer.hpp"
#include "smipc/memory.hpp"
#include "smipc/message_queue.hpp"
#include "smipc/rwlock.hpp"
#include "smipc/semaphore.hpp"
#include "smipc/structure.hpp"

#endif  // SMIPC_HPP
