// The exported functions of message framing.
//
// The first lines of send and recv are the fast path: one thread, a small message, room or a message
// there, nobody to wake. Everything else is a jump to another function (see fast_path.h).
#include "api/guard.h"
#include "api/log.h"
#include "core/fast_path.h"
#include "core/message_lists.h"
#include "core/messages.h"

using namespace smipc::detail;

namespace {

SMIPC_NOINLINE Status send_slowly(smipc_channel* channel, const void* data, size_t size,
                                  int64_t timeout_ns) {
  const smipc_buffer part = {const_cast<void*>(data), size};
  return with_channel(channel, kCallSend, timeout_ns, [&](const Deadline& deadline) -> Status {
    const Status checked = check_parts(*channel, &part, 1);
    if (checked != SMIPC_OK) return checked;
    const Status result = send_message(*channel, Parts(&part, 1), deadline, nullptr);
    log_transfer(*channel, "send", size, result);
    return result;
  });
}

SMIPC_NOINLINE Status recv_slowly(smipc_channel* channel, void* buffer, size_t buffer_size,
                                  int64_t timeout_ns, size_t* out_size) {
  const smipc_buffer part = {buffer, buffer_size};
  return smipc_channel_recv_parts(channel, &part, 1, timeout_ns, out_size);
}

// Inside, and to be left.
SMIPC_NOINLINE Status send_unusual(smipc_channel* channel, const void* data, size_t size,
                                   int64_t timeout_ns) {
  const bool sent = send_fast(*channel, data, size);
  leave_fast(*channel);
  return sent ? SMIPC_OK : send_slowly(channel, data, size, timeout_ns);
}

SMIPC_NOINLINE Status wake_and_leave(Channel& channel) {
  wake_reader_slowly(channel);
  leave_fast(channel);
  return SMIPC_OK;
}

SMIPC_NOINLINE Status recv_unusual(smipc_channel* channel, void* buffer, size_t buffer_size,
                                   int64_t timeout_ns, size_t* out_size) {
  look_for_records(*channel);
  if (!record_known(*channel) && timeout_ns != 0) {
    timeout_ns = without(timeout_ns, spin_for_record(*channel, timeout_ns));
  }
  const std::int64_t size = recv_fast(*channel, buffer, buffer_size);
  leave_fast(*channel);
  if (size < 0) return recv_slowly(channel, buffer, buffer_size, timeout_ns, out_size);
  *out_size = static_cast<size_t>(size);
  return SMIPC_OK;
}

SMIPC_NOINLINE Status tell_and_leave(Channel& channel) {
  tell_of_tail(channel);
  leave_fast(channel);
  return SMIPC_OK;
}

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_channel_send(smipc_channel* channel, const void* data, size_t size,
                                          int64_t timeout_ns) {
  if (channel != nullptr && data != nullptr && timeout_ns >= kForever &&
      enter_fast(*channel, kCallSend)) {
    bool unwoken = false;
    if (!send_small(*channel, data, size, &unwoken)) [[unlikely]]
      return send_unusual(channel, data, size, timeout_ns);
    if (unwoken) [[unlikely]]
      return wake_and_leave(*channel);
    leave_fast(*channel);
    return SMIPC_OK;
  }
  return send_slowly(channel, data, size, timeout_ns);
}

SMIPC_API smipc_status smipc_channel_try_send(smipc_channel* channel, const void* data,
                                              size_t size) {
  return smipc_channel_send(channel, data, size, 0);
}

SMIPC_API smipc_status smipc_channel_send_parts(smipc_channel* channel, const smipc_buffer* parts,
                                                size_t count, int64_t timeout_ns,
                                                uint64_t* inout_done) {
  return with_channel(channel, kCallSend, timeout_ns, [&](const Deadline& deadline) -> Status {
    const Status checked = check_parts(*channel, parts, count);
    if (checked != SMIPC_OK) return checked;
    const Parts all(parts, count);
    const Status result = send_message(*channel, all, deadline, inout_done);
    log_transfer(*channel, "send", all.total(), result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_send_many(smipc_channel* channel, const smipc_buffer* messages,
                                               size_t count, int64_t timeout_ns, size_t* out_sent) {
  size_t sent = 0;
  const Status status =
      with_channel(channel, kCallSend, timeout_ns, [&](const Deadline& deadline) -> Status {
        if (messages == nullptr && count > 0) return bad_pointer(*channel, "messages");
        const Status checked = check_messages(*channel, messages, count);
        if (checked != SMIPC_OK) return checked;
        MessageArray array = {messages, messages + count};
        const Status result = send_messages(*channel, array, deadline, &sent);
        log_transfer(*channel, "send many", sent, result);
        return result;
      });
  if (out_sent != nullptr) *out_sent = sent;
  return status;
}

SMIPC_API smipc_status smipc_channel_recv(smipc_channel* channel, void* buffer, size_t buffer_size,
                                          int64_t timeout_ns, size_t* out_size) {
  if (channel != nullptr && buffer != nullptr && out_size != nullptr && timeout_ns >= kForever &&
      enter_fast(*channel, kCallRecv)) {
    bool untold = false;
    const std::int64_t size = recv_small(*channel, buffer, buffer_size, &untold);
    if (size < 0) [[unlikely]]
      return recv_unusual(channel, buffer, buffer_size, timeout_ns, out_size);
    *out_size = static_cast<size_t>(size);
    if (untold) [[unlikely]]
      return tell_and_leave(*channel);
    leave_fast(*channel);
    return SMIPC_OK;
  }
  return recv_slowly(channel, buffer, buffer_size, timeout_ns, out_size);
}

SMIPC_API smipc_status smipc_channel_recv_parts(smipc_channel* channel, const smipc_buffer* parts,
                                                size_t count, int64_t timeout_ns,
                                                size_t* out_size) {
  return with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (out_size == nullptr) return bad_pointer(*channel, "out_size");
    *out_size = 0;
    const Status checked = check_parts(*channel, parts, count);
    if (checked != SMIPC_OK) return checked;
    const Status result = recv_message(*channel, Parts(parts, count), deadline, out_size);
    log_transfer(*channel, "recv", *out_size, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_recv_many(smipc_channel* channel, void* buffer,
                                               size_t buffer_size, size_t limit, int64_t timeout_ns,
                                               smipc_buffer* out_messages, size_t* out_count,
                                               size_t* out_needed) {
  if (out_count != nullptr) *out_count = 0;
  return with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (buffer == nullptr && buffer_size > 0) return bad_pointer(*channel, "buffer");
    if (out_messages == nullptr) return bad_pointer(*channel, "out_messages");
    if (out_count == nullptr) return bad_pointer(*channel, "out_count");
    if (limit == 0) return SMIPC_OK;
    MessageList list = {static_cast<std::byte*>(buffer), buffer_size, out_messages};
    size_t needed = 0;
    const Status result = recv_messages(*channel, list, limit, deadline, &needed);
    *out_count = list.count;
    if (out_needed != nullptr) *out_needed = needed;
    log_transfer(*channel, "recv many", list.count, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_next(smipc_channel* channel, void* prefix, size_t prefix_size,
                                          int64_t timeout_ns, size_t* out_size,
                                          size_t* out_prefix) {
  return with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (prefix == nullptr && prefix_size > 0) return bad_pointer(*channel, "prefix");
    if (out_size == nullptr) return bad_pointer(*channel, "out_size");
    size_t copied = 0;
    const Status result = look_at_next(*channel, prefix, prefix_size, deadline, out_size, &copied);
    if (out_prefix != nullptr) *out_prefix = copied;
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_flush(smipc_channel* channel, int64_t timeout_ns) {
  return with_channel(channel, kCallFlush, timeout_ns, [&](const Deadline& deadline) {
    return wait_until_taken(*channel, deadline);
  });
}

}  // extern "C"
