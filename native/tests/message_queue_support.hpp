// Message queues through the C ABI, with a way inside. (smipc.hpp has names that the inside has, too.)
#pragma once

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "core/queue.h"
#include "core/queue_lock.h"
#include "support.hpp"

namespace smipc::test {

using detail::Queue;
using detail::SlotState;

struct Shape {
  std::uint32_t max_messages = 10;
  std::uint64_t max_message_size = 8192;
};

inline smipc_status try_open_queue(const std::string& name, const Shape& shape,
                                   std::uint32_t existence, std::uint32_t unlink,
                                   smipc_message_queue** out) {
  smipc_object_options options;
  smipc_object_options_init(&options);
  options.existence = existence;
  options.unlink = unlink;
  return smipc_message_queue_open(name.data(), name.size(), shape.max_messages,
                                  shape.max_message_size, SMIPC_QUEUE_RECEIVE | SMIPC_QUEUE_SEND,
                                  &options, nullptr, out);
}

struct Message {
  std::size_t size = 0;
  std::uint32_t priority = 0;
  std::vector<std::uint64_t> words;
};

// A handle of the queue, through the C ABI: smipc.hpp has names that the inside has, too.
class MessageQueue {
 public:
  // Creates it if need be, and unlinks it if it did.
  MessageQueue(const std::string& name, const Shape& shape) {
    EXPECT_OK(try_open_queue(name, shape, SMIPC_LINK_OR_CREATE, SMIPC_UNLINK_IF_CREATED, &handle_));
  }
  explicit MessageQueue(const std::string& name) {
    EXPECT_OK(try_open_queue(name, {}, SMIPC_RAISE_IF_NOT_EXISTS, SMIPC_UNLINK_NEVER, &handle_));
  }
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;
  ~MessageQueue() { smipc_message_queue_free(handle_); }

  smipc_message_queue* handle() const { return handle_; }
  Queue& inside() const { return *handle_; }

  smipc_status send(const void* data, std::size_t size, std::uint32_t priority = 0,
                    std::int64_t timeout_ns = kLong) const {
    return smipc_message_queue_send(handle_, data, size, priority, timeout_ns);
  }
  smipc_status receive(Message* out, std::int64_t timeout_ns = kLong) const {
    out->words.assign(600, 0);
    return smipc_message_queue_receive(handle_, out->words.data(), 600 * 8, timeout_ns, &out->size,
                                       &out->priority);
  }
  smipc_message_queue_status status() const {
    smipc_message_queue_status status = {};
    status.struct_size = sizeof status;
    EXPECT_OK(smipc_message_queue_get_status(handle_, &status));
    return status;
  }

 private:
  smipc_message_queue* handle_ = nullptr;
};

inline void put(MessageQueue& queue, std::uint64_t value, std::uint32_t priority = 0) {
  ASSERT_OK(queue.send(&value, sizeof value, priority));
}

// The number in the next message.
inline std::uint64_t take(MessageQueue& queue) {
  Message message;
  EXPECT_OK(queue.receive(&message));
  return message.words[0];
}

inline smipc_status lock(Queue& queue) { return detail::queue_lock(queue, detail::Deadline(0)); }

// A child that opens the queue, does something, and is killed.
inline void victim(const std::string& name, const std::function<void(MessageQueue&)>& act) {
  Signal done;
  Companion child(Place::kProcess, [&] {
    MessageQueue queue(name);
    act(queue);
    done.set();
    wait_to_be_killed();
  });
  done.wait();
  child.kill();
}

// What a member does to a slot of the queue before it is killed, with the lock held.
inline void hold_slot(MessageQueue& queue, std::uint32_t index, SlotState state) {
  Queue& raw = queue.inside();
  raw.self().in_hand.store(1);
  raw.shm->in_hand.store(1);
  raw.slot(index).word.store(detail::slot_word(state, raw.id));
}

}  // namespace smipc::test
