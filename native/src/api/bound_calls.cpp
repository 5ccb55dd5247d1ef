// The exported functions for callers to whom each argument costs: without a size, without a handle.
#include <cstring>

#include "api/guard.h"
#include "core/fork_count.h"
#include "core/queue.h"
#include "core/slot_table.h"

using namespace smipc::detail;

namespace {

using ChannelSlots = SlotTable<smipc_channel>;
using QueueSlots = SlotTable<smipc_message_queue>;

template <std::uint32_t kSlot>
struct ChannelCalls {
  static smipc_channel* handle() { return ChannelSlots::at(kSlot); }
  static smipc_status try_send_sized(const void* data) {
    return smipc_channel_try_send_sized(handle(), data);
  }
  static std::int64_t fetch_wait() { return smipc_channel_fetch_wait(handle()); }
  static std::int64_t fetch_soon() { return smipc_channel_fetch_soon(handle()); }
  static std::int64_t fetch_now() { return smipc_channel_fetch_now(handle()); }

  static constexpr smipc_channel_calls calls() {
    return {try_send_sized, fetch_wait, fetch_soon, fetch_now};
  }
};

template <std::uint32_t kSlot>
struct QueueCalls {
  static smipc_message_queue* handle() { return QueueSlots::at(kSlot); }
  static smipc_status try_send_sized(const void* data) {
    return smipc_message_queue_try_send_sized(handle(), data);
  }
  static std::int64_t fetch_wait() {
    smipc_message_queue* const queue = handle();
    // Relaxed: set by the thread that took the slot, as far as this one knows of it.
    void* const area =
        queue == nullptr ? nullptr : queue->bound_area.load(std::memory_order_relaxed);
    return smipc_message_queue_fetch_wait(queue, area);
  }

  static constexpr smipc_message_queue_calls calls() { return {try_send_sized, fetch_wait}; }
};

constexpr auto kChannelCalls = ChannelSlots::all<smipc_channel_calls, ChannelCalls>();
constexpr auto kQueueCalls = QueueSlots::all<smipc_message_queue_calls, QueueCalls>();

std::string all_taken(std::size_t slots) {
  return std::to_string(slots) + " handles have calls of their own already";
}

size_t size_of(const void* data) { return data == nullptr ? 0 : smipc_size_before(data); }

}  // namespace

extern "C" {

SMIPC_API size_t smipc_size_before(const void* data) {
  size_t size;
  std::memcpy(&size, static_cast<const std::byte*>(data) - 2 * sizeof size, sizeof size);
  return size;
}

SMIPC_API smipc_status smipc_channel_try_send_sized(smipc_channel* channel, const void* data) {
  return smipc_channel_send(channel, data, size_of(data), 0);
}

SMIPC_API smipc_status smipc_message_queue_try_send_sized(smipc_message_queue* queue,
                                                          const void* data) {
  return smipc_message_queue_try_send(queue, data, size_of(data));
}

SMIPC_API smipc_status smipc_channel_bind(smipc_channel* channel, smipc_channel_calls* out) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (out == nullptr) return bad_pointer(*channel, "out");
    if (channel->state.load(std::memory_order_acquire) == EndState::kForked) {
      return fail(SMIPC_E_FORKED, channel->name);
    }
    const std::uint32_t slot = ChannelSlots::take(*channel);
    if (slot == kNoSlot) return fail(SMIPC_E_LIMIT, channel->name, all_taken(ChannelSlots::kSlots));
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
    const std::uint32_t slot = QueueSlots::take(*queue);
    if (slot == kNoSlot) {
      return queue_failure(*queue, SMIPC_E_LIMIT, all_taken(QueueSlots::kSlots));
    }
    queue->bound_area.store(area, std::memory_order_relaxed);
    *out = kQueueCalls[slot];
    return SMIPC_OK;
  });
}

}  // extern "C"
