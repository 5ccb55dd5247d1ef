// The exported functions that give calls without a handle argument (slot_table.h).
#include <cstring>

#include "api/guard.h"
#include "api/slot_table.h"
#include "core/fork_count.h"
#include "core/queue.h"

using namespace smipc::detail;

namespace {

template <std::size_t kSlot>
struct ChannelCalls {
  static smipc_channel* handle() { return SlotTable<smipc_channel>::at(kSlot); }
  static smipc_status try_send(const void* data, std::size_t size) {
    return smipc_channel_send(handle(), data, size, 0);
  }
  static smipc_status try_send_sized(const void* data) {
    return smipc_channel_send(handle(), data, data == nullptr ? 0 : smipc_size_before(data), 0);
  }
  static std::int64_t fetch_wait() { return smipc_channel_fetch_wait(handle()); }
  static std::int64_t fetch_soon() { return smipc_channel_fetch_soon(handle()); }
  static std::int64_t fetch_now() { return smipc_channel_fetch_now(handle()); }

  static constexpr smipc_channel_calls calls() {
    return {try_send, try_send_sized, fetch_wait, fetch_soon, fetch_now};
  }
};

template <std::size_t kSlot>
struct QueueCalls {
  static smipc_message_queue* handle() { return SlotTable<smipc_message_queue>::at(kSlot); }
  static smipc_status try_send(const void* data, std::size_t size) {
    return smipc_message_queue_try_send(handle(), data, size);
  }
  static smipc_status try_send_sized(const void* data) {
    return try_send(data, data == nullptr ? 0 : smipc_size_before(data));
  }
  static std::int64_t fetch_wait() {
    smipc_message_queue* const queue = handle();
    return smipc_message_queue_fetch_wait(queue, queue == nullptr ? nullptr : queue->bound_area);
  }

  static constexpr smipc_message_queue_calls calls() {
    return {try_send, try_send_sized, fetch_wait};
  }
};

constexpr auto kChannelCalls = SlotTable<smipc_channel>::all<smipc_channel_calls, ChannelCalls>();
constexpr auto kQueueCalls =
    SlotTable<smipc_message_queue>::all<smipc_message_queue_calls, QueueCalls>();

std::string too_many() {
  return std::to_string(SlotTable<void>::kSlots) + " handles have calls of their own already";
}

}  // namespace

extern "C" {

SMIPC_API size_t smipc_size_before(const void* data) {
  size_t size;
  std::memcpy(&size, static_cast<const std::byte*>(data) - 2 * sizeof size, sizeof size);
  return size;
}

SMIPC_API smipc_status smipc_channel_bind(smipc_channel* channel, smipc_channel_calls* out) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (out == nullptr) return bad_pointer(*channel, "out");
    const std::size_t slot = SlotTable<smipc_channel>::take(channel);
    if (slot == kChannelCalls.size()) return fail(SMIPC_E_LIMIT, channel->name, too_many());
    *out = kChannelCalls[slot];
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_message_queue_bind(smipc_message_queue* queue, void* area,
                                                smipc_message_queue_calls* out) {
  return guarded([&]() -> Status {
    if (queue == nullptr || area == nullptr || out == nullptr) {
      return fail(SMIPC_E_INVALID, {}, "the message queue's handle, area or out is NULL");
    }
    if (queue->forks != fork_count()) return queue_failure(*queue, SMIPC_E_FORKED);
    const std::size_t slot = SlotTable<smipc_message_queue>::take(queue);
    if (slot == kQueueCalls.size()) return queue_failure(*queue, SMIPC_E_LIMIT, too_many());
    queue->bound_area = area;
    *out = kQueueCalls[slot];
    return SMIPC_OK;
  });
}

}  // extern "C"
