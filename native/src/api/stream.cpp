// The exported functions of stream framing.
#include "api/guard.h"
#include "api/log.h"
#include "core/messages.h"

using namespace smipc::detail;

extern "C" {

SMIPC_API smipc_status smipc_channel_write(smipc_channel* channel, const void* data, size_t size,
                                           int64_t timeout_ns, size_t* out_written) {
  size_t written = 0;
  const Status status =
      with_channel(channel, kCallWrite, timeout_ns, [&](const Deadline& deadline) -> Status {
        if (data == nullptr && size > 0) return bad_pointer(*channel, "data");
        if (size > SMIPC_MAX_MESSAGE) return bad_size(*channel, size);
        const Status result = write_stream(*channel, data, size, deadline, &written);
        log_transfer(*channel, "write", written, result);
        return result;
      });
  if (out_written != nullptr) *out_written = written;
  return status;
}

SMIPC_API smipc_status smipc_channel_read(smipc_channel* channel, void* buffer, size_t size,
                                          int64_t timeout_ns) {
  return with_channel(channel, kCallRead, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (buffer == nullptr && size > 0) return bad_pointer(*channel, "buffer");
    if (size > SMIPC_MAX_MESSAGE) return bad_size(*channel, size);
    const Status result = read_stream_exactly(*channel, buffer, size, deadline);
    log_transfer(*channel, "read", size, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_read_some(smipc_channel* channel, void* buffer, size_t size,
                                               int64_t timeout_ns, size_t* out_read) {
  size_t count = 0;
  const Status status =
      with_channel(channel, kCallRead, timeout_ns, [&](const Deadline& deadline) -> Status {
        if (buffer == nullptr && size > 0) return bad_pointer(*channel, "buffer");
        const Status result = read_stream_some(*channel, buffer, size, deadline, &count);
        log_transfer(*channel, "read", count, result);
        return result;
      });
  if (out_read != nullptr) *out_read = count;
  return status;
}

}  // extern "C"
