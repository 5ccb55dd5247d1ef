// The exported functions that wait for several channels, or let others wait.
#include <vector>

#include "api/guard.h"
#include "core/listener.h"
#include "core/reading.h"
#include "core/watcher.h"

using namespace smipc::detail;

namespace {

Status check_reader(const smipc_channel* channel) {
  if (channel == nullptr) return no_handle();
  const EndState state = channel->state.load(std::memory_order_acquire);
  if (state == EndState::kForked) return fail(SMIPC_E_FORKED, channel->name);
  if (state != EndState::kUsable) return fail(SMIPC_E_CLOSED, channel->name);
  if (const Status refused = refuse(*channel, kCallWait); refused != SMIPC_OK) return refused;
  if (channel->listening.load(std::memory_order_acquire)) {
    return fail(SMIPC_E_BUSY, channel->name, "a listener is reading it");
  }
  return SMIPC_OK;
}

Status watch(Channel& channel) {
  return channel.watch ? SMIPC_OK : WatchEntry::start(channel, &channel.watch);
}

// The descriptor follows the ring from now on (or no more).
void set_watched(Channel& channel, bool watched) {
  channel.watched = watched;
  receive_slowly(channel);
  if (watched) follow_with_descriptor(channel);
}

Status follow(Channel& channel, std::int32_t* out) {
  const Status status = watch(channel);
  if (status != SMIPC_OK) return status;
  set_watched(channel, true);
  *out = channel.watch->fd();
  return SMIPC_OK;
}

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_wait(smipc_channel* const* channels, size_t count, int64_t timeout_ns,
                                  uint8_t* out_ready, size_t* out_count) {
  return guarded([&]() -> Status {
    if (count > 0 && (channels == nullptr || out_ready == nullptr)) {
      return fail(SMIPC_E_INVALID, {}, "the array of channels, or of results, is NULL");
    }
    if (count == 0) return fail(SMIPC_E_INVALID, {}, "there is no channel to wait for");
    if (timeout_ns < kForever) {
      return fail(SMIPC_E_INVALID, {},
                  "a timeout of " + std::to_string(timeout_ns) + " ns; -1 waits for ever");
    }
    std::vector<Channel*> all(channels, channels + count);
    for (size_t i = 0; i < count; ++i) {
      const Status status = check_reader(channels[i]);
      if (status != SMIPC_OK) return status;
    }
    std::size_t ready = 0;
    const Status status = wait_for_any(all.data(), count, Deadline(timeout_ns), out_ready, &ready);
    if (out_count != nullptr) *out_count = ready;
    return status;
  });
}

SMIPC_API smipc_status smipc_channel_fd(smipc_channel* channel, int32_t* out_fd) {
  return with_channel(channel, kCallWait, kForever, [&](const Deadline&) -> Status {
    if (out_fd == nullptr) return bad_pointer(*channel, "out_fd");
    if (!kEventIsDescriptor) {
      return fail(SMIPC_E_UNSUPPORTED, channel->name,
                  "there are no descriptors here; smipc_channel_event gives an event");
    }
    return follow(*channel, out_fd);
  });
}

SMIPC_API smipc_status smipc_channel_event(smipc_channel* channel, uint64_t* out_event) {
  return with_channel(channel, kCallWait, kForever, [&](const Deadline&) -> Status {
    if (out_event == nullptr) return bad_pointer(*channel, "out_event");
    if (kEventIsDescriptor) {
      return fail(SMIPC_E_UNSUPPORTED, channel->name,
                  "there are no events here; smipc_channel_fd gives a descriptor");
    }
    int32_t event = 0;
    const Status status = follow(*channel, &event);
    *out_event = static_cast<uint32_t>(event);
    return status;
  });
}

SMIPC_API smipc_status smipc_channel_fd_arm(smipc_channel* channel, uint32_t spins) {
  return with_channel(channel, kCallWait, kForever, [&](const Deadline&) -> Status {
    for (uint32_t spin = 0;; ++spin) {
      if (can_read_now(*channel)) return SMIPC_OK;
      if (spin >= spins) break;
      plat_spin_pause();
    }
    const Status status = watch(*channel);
    if (status != SMIPC_OK) return status;
    set_watched(*channel, false);
    channel->watch->arm();
    return fail_quietly(SMIPC_E_TIMED_OUT, channel->name);
  });
}

SMIPC_API smipc_status smipc_channel_listen(smipc_channel* channel, smipc_listener listener,
                                            void* context) {
  return with_channel(channel, kCallWait, kForever, [&](const Deadline&) -> Status {
    if (listener == nullptr) return bad_pointer(*channel, "listener");
    return listen_on(*channel, listener, context);
  });
}

SMIPC_API smipc_status smipc_channel_listen_stop(smipc_channel* channel) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (channel->state.load(std::memory_order_acquire) == EndState::kForked) {
      return fail(SMIPC_E_FORKED, channel->name);
    }
    return stop_listening(*channel);
  });
}

}  // extern "C"
