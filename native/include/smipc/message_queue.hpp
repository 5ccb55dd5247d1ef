// Message queues: smipc/message_queue.h with RAII, spans and exceptions.
//
//   smipc::MessageQueue queue("jobs", {.max_messages = 100, .max_message_size = 256,
//                                      .existence = smipc::Existence::kLinkOrCreate});
//   queue.send(std::as_bytes(std::span(text)), smipc::forever, 5);
//   if (auto message = queue.receive(std::chrono::seconds(1))) use(message->data, message->priority);
#ifndef SMIPC_MESSAGE_QUEUE_HPP
#define SMIPC_MESSAGE_QUEUE_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base.hpp"
#include "existence.hpp"
#include "message_queue.h"

namespace smipc {

using MessageQueueStatus = smipc_message_queue_status;

struct MessageQueueOptions {
  std::uint32_t max_messages = 10;  // these two of a new one
  std::uint64_t max_message_size = 8192;
  bool read = true;
  bool write = true;
  Existence existence = Existence::kRaiseIfNotExists;
  Unlink unlink = Unlink::kIfCreated;
  Access access = Access::kUser;
};

class MessageQueue {
 public:
  struct Message {
    std::vector<std::byte> data;
    std::uint32_t priority = 0;
  };
  struct Received {
    std::size_t size = 0;
    std::uint32_t priority = 0;
  };

  explicit MessageQueue(std::string_view name, const MessageQueueOptions &options = {}) {
    const smipc_object_options raw =
        detail::object_options(options.existence, options.unlink, options.access);
    const std::uint32_t directions =
        (options.read ? SMIPC_QUEUE_RECEIVE : 0) | (options.write ? SMIPC_QUEUE_SEND : 0);
    smipc_message_queue *handle = nullptr;
    std::int32_t created = 0;
    detail::check(smipc_message_queue_open(name.data(), name.size(), options.max_messages,
                                           options.max_message_size, directions, &raw, &created,
                                           &handle));
    handle_.reset(handle);
    created_ = created != 0;
    max_message_size_ = status().max_message_size;
  }

  // Whether this handle made it.
  bool created() const noexcept { return created_; }

  // false: the timeout passed while it was full.
  bool send(std::span<const std::byte> data, Timeout timeout = forever,
            std::uint32_t priority = 0) {
    return sent(smipc_message_queue_send(handle_.get(), data.data(), data.size(), priority,
                                         timeout.nanoseconds()));
  }
  bool send(std::string_view text, Timeout timeout = forever, std::uint32_t priority = 0) {
    return send(std::as_bytes(std::span(text)), timeout, priority);
  }

  // Into memory of the caller's; nothing when the timeout passed. What is larger than the buffer
  // stays, and is a SMIPC_E_BUFFER_TOO_SMALL.
  [[nodiscard]] std::optional<Received> receive(std::span<std::byte> buffer,
                                                Timeout timeout = forever) {
    Received received;
    const Status status =
        smipc_message_queue_receive(handle_.get(), buffer.data(), buffer.size(),
                                    timeout.nanoseconds(), &received.size, &received.priority);
    if (status == SMIPC_E_TIMED_OUT) return std::nullopt;
    detail::check(status);
    return received;
  }

  // The same into memory of its own.
  [[nodiscard]] std::optional<Message> receive(Timeout timeout = forever) {
    const detail::Deadline deadline(timeout);
    Message message;
    message.data.resize(
        static_cast<std::size_t>(max_message_size_ < 65536 ? max_message_size_ : 65536));
    for (;;) {
      std::size_t size = 0;
      const Status status =
          smipc_message_queue_receive(handle_.get(), message.data.data(), message.data.size(),
                                      deadline.left().nanoseconds(), &size, &message.priority);
      if (status == SMIPC_E_TIMED_OUT) return std::nullopt;
      if (status != SMIPC_E_BUFFER_TOO_SMALL) detail::check(status);
      message.data.resize(size);
      if (status == SMIPC_OK) return message;
    }
  }

  // Waits until there is a message, without taking it; false: the timeout passed.
  [[nodiscard]] bool wait(Timeout timeout = forever) {
    return sent(smipc_message_queue_wait(handle_.get(), timeout.nanoseconds()));
  }

  MessageQueueStatus status() const {
    MessageQueueStatus status = {};
    status.struct_size = static_cast<std::uint32_t>(sizeof status);
    detail::check(smipc_message_queue_get_status(handle_.get(), &status));
    return status;
  }

  // For select, poll and epoll: readable while there is a message. Not on Windows.
  int fd() {
    std::int32_t fd = -1;
    detail::check(smipc_message_queue_fd(handle_.get(), &fd));
    return fd;
  }

  // What smipc.h can do beyond this.
  smipc_message_queue *handle() const noexcept { return handle_.get(); }

  void close() { detail::check(smipc_message_queue_close(handle_.get())); }

  // Removes the name, if it is still this queue's: else SMIPC_E_NOT_FOUND.
  void unlink() { detail::check(smipc_message_queue_unlink_own(handle_.get())); }
  static void unlink(std::string_view name) {
    detail::check(smipc_message_queue_unlink(name.data(), name.size()));
  }

 private:
  static bool sent(Status status) {
    if (status == SMIPC_E_TIMED_OUT) return false;
    detail::check(status);
    return true;
  }
  struct Free {
    void operator()(smipc_message_queue *handle) const noexcept {
      smipc_message_queue_free(handle);
    }
  };
  std::unique_ptr<smipc_message_queue, Free> handle_;
  std::uint64_t max_message_size_ = 0;
  bool created_ = false;
};

}  // namespace smipc

#endif
