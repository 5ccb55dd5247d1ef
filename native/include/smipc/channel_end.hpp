// What a writer and a reader have in common.
#ifndef SMIPC_CHANNEL_END_HPP
#define SMIPC_CHANNEL_END_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base.hpp"
#include "channel_options.hpp"

namespace smipc {

using ChannelStatus = smipc_channel_status;  // its fields are described in smipc.h

// Called on the listener's thread, with a message (or the bytes that were there) and SMIPC_OK, or
// with no data and the status that ended the listener. The data is valid during the call.
using ListenerCallback = std::function<void(std::span<const std::byte> data, Status status)>;

namespace detail {

struct Listener {
  ListenerCallback callback;
  std::exception_ptr earlier_error;  // of the listeners that ended before; not for the thread
  std::exception_ptr first_error;

  // Once the thread has ended: what was thrown first.
  std::exception_ptr error() const noexcept { return earlier_error ? earlier_error : first_error; }

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

}  // namespace smipc

#endif  // SMIPC_CHANNEL_END_HPP
