// The exported functions that lend memory of the ring.
#include "api/guard.h"
#include "api/log.h"
#include "core/messages.h"
#include "core/reading.h"

using namespace smipc::detail;

extern "C" {

SMIPC_API smipc_status smipc_channel_reserve(smipc_channel* channel, size_t size,
                                             int64_t timeout_ns, void** out) {
  if (out != nullptr) *out = nullptr;
  return with_channel(channel, kCallSend, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (out == nullptr) return bad_pointer(*channel, "out");
    return reserve_message(*channel, size, deadline, out);
  });
}

SMIPC_API smipc_status smipc_channel_commit(smipc_channel* channel, size_t size) {
  return with_channel(channel, kCallSend, kForever, [&](const Deadline&) {
    const Status result = commit_message(*channel, size);
    log_transfer(*channel, "commit", size, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_abort(smipc_channel* channel) {
  return with_channel(channel, kCallSend, kForever,
                      [&](const Deadline&) { return abort_message(*channel); });
}

SMIPC_API smipc_status smipc_channel_peek(smipc_channel* channel, int64_t timeout_ns,
                                          const void** out, size_t* out_size) {
  if (out != nullptr) *out = nullptr;
  return with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (out == nullptr || out_size == nullptr) return bad_pointer(*channel, "out");
    const Status result = borrow_message(*channel, deadline, out, out_size);
    if (result == SMIPC_OK) log_transfer(*channel, "peek", *out_size, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_release(smipc_channel* channel) {
  return with_channel(channel, kCallRecv, kForever,
                      [&](const Deadline&) { return release_message(*channel); });
}

}  // extern "C"
