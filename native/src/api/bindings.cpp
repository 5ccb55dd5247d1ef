// The exported functions for language bindings: many messages in one call.
#include <cstring>

#include "api/guard.h"
#include "api/log.h"
#include "core/message_lists.h"
#include "core/messages.h"

using namespace smipc::detail;

namespace {

constexpr std::int64_t kBindingSliceNs = 200'000'000;
constexpr std::int64_t kSpinningSliceNs = 10'000'000;  // no signal ends a wait that only spins

// Reads Python's marshal format, version 2, as far as a list of bytes goes. It comes from the
// binding in this process, and is bounds-checked all the same.
class ListBlob {
 public:
  ListBlob(const void* blob, std::size_t size)
      : at_(static_cast<const unsigned char*>(blob)), left_(size) {
    is_list_ = tagged('[', &count_);
    if (is_list_) skip(kTagged);
  }

  // The next item; false: there is none, or no form of one.
  bool front(smipc_buffer* out) {
    std::uint32_t size = 0;
    if (count_ == 0 || !tagged('s', &size) || size > left_ - kTagged) return false;
    *out = {const_cast<unsigned char*>(at_) + kTagged, size};
    item_ = kTagged + size;
    return true;
  }
  void pop() {
    skip(item_);
    --count_;
  }

  // Whether it was a list, and whole.
  bool well_formed_to_its_end() const { return is_list_ && count_ == 0; }

 private:
  static constexpr std::size_t kTagged = 5;

  bool tagged(unsigned char tag, std::uint32_t* value) {
    if (left_ < kTagged || at_[0] != tag) return false;
    *value = static_cast<std::uint32_t>(at_[1]) | static_cast<std::uint32_t>(at_[2]) << 8 |
             static_cast<std::uint32_t>(at_[3]) << 16 | static_cast<std::uint32_t>(at_[4]) << 24;
    return true;
  }
  void skip(std::size_t bytes) {
    at_ += bytes;
    left_ -= bytes;
  }

  const unsigned char* at_;
  std::size_t left_;
  std::size_t item_ = 0;  // what pop takes off
  std::uint32_t count_ = 0;
  bool is_list_ = false;
};

Status not_a_list(const Channel& channel) {
  return fail(SMIPC_E_INVALID, channel.name, "the blob is no marshal list of bytes");
}

// Sends the items from *inout_index on, and leaves the number of the next one there.
Status send_list(Channel& channel, ListBlob blob, const Deadline& deadline,
                 std::size_t* inout_index) {
  smipc_buffer item;
  for (std::size_t i = 0; i < *inout_index && blob.front(&item); ++i) blob.pop();
  const Status status = send_messages(channel, blob, deadline, inout_index);
  if (status != SMIPC_OK) return status;
  return blob.well_formed_to_its_end() ? SMIPC_OK : not_a_list(channel);
}

std::int64_t slice_ns(const smipc_channel* channel) {
  const bool spins = channel != nullptr && channel->wait_policy == SMIPC_WAIT_SPIN;
  return spins ? kSpinningSliceNs : kBindingSliceNs;
}

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_channel_send_two(smipc_channel* channel, const void* head,
                                              size_t head_size, const void* body, size_t body_size,
                                              int64_t timeout_ns) {
  const smipc_buffer parts[] = {{const_cast<void*>(head), head_size},
                                {const_cast<void*>(body), body_size}};
  return smipc_channel_send_parts(channel, parts, 2, timeout_ns, nullptr);
}

SMIPC_API smipc_status smipc_channel_recv_headed(smipc_channel* channel, const void* head,
                                                 size_t head_size, void* body, size_t body_size,
                                                 int64_t timeout_ns) {
  return with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
    const smipc_buffer parts[] = {{const_cast<void*>(head), head_size}, {body, body_size}};
    const Status checked = check_parts(*channel, parts, 2);
    if (checked != SMIPC_OK) return checked;
    const Status result = recv_headed_message(*channel, head, head_size, parts[1], deadline);
    if (result == SMIPC_OK) log_transfer(*channel, "recv", head_size + body_size, result);
    return result;
  });
}

SMIPC_API smipc_status smipc_channel_fetch_open(smipc_channel* channel, smipc_fetch_area* out) {
  return with_channel(channel, kCallRecv, kForever, [&](const Deadline&) -> Status {
    if (out == nullptr) return bad_pointer(*channel, "out");
    return open_fetch_area(*channel, out);
  });
}

SMIPC_API int64_t smipc_channel_fetch(smipc_channel* channel, int64_t timeout_ns) {
  std::int64_t result = -1;
  if (channel != nullptr && timeout_ns >= kSoon && enter_fast(*channel, kCallRecv)) {
    result = fetch_only_one(*channel, &timeout_ns);
    leave_fast(*channel);
    if (result >= 0) return result;  // a fetch of kind SMIPC_FETCH_ONE
  }
  const Status status =
      with_channel(channel, kCallRecv, timeout_ns, [&](const Deadline& deadline) -> Status {
        result = fetch_messages(*channel, deadline);
        return SMIPC_OK;
      });
  return status == SMIPC_OK ? result : status;
}

SMIPC_API int64_t smipc_channel_fetch_wait(smipc_channel* channel) {
  return smipc_channel_fetch(channel, slice_ns(channel));
}

SMIPC_API int64_t smipc_channel_fetch_soon(smipc_channel* channel) {
  return smipc_channel_fetch(channel, kSoon);
}

SMIPC_API int64_t smipc_channel_fetch_now(smipc_channel* channel) {
  return smipc_channel_fetch(channel, 0);
}

SMIPC_API smipc_status smipc_channel_send_list(smipc_channel* channel, const void* blob,
                                               size_t blob_size, int64_t timeout_ns,
                                               size_t* inout_index) {
  return with_channel(channel, kCallSend, timeout_ns, [&](const Deadline& deadline) -> Status {
    if (blob == nullptr) return bad_pointer(*channel, "blob");
    if (inout_index == nullptr) return bad_pointer(*channel, "inout_index");
    const Status result = send_list(*channel, ListBlob(blob, blob_size), deadline, inout_index);
    log_transfer(*channel, "send list", *inout_index, result);
    return result;
  });
}

SMIPC_API int64_t smipc_channel_send_list_wait(smipc_channel* channel, const void* blob,
                                               size_t blob_size) {
  std::size_t sent = 0;
  const Status status = smipc_channel_send_list(channel, blob, blob_size, slice_ns(channel), &sent);
  return status == SMIPC_OK || sent > 0 ? static_cast<std::int64_t>(sent) : status;
}

}  // extern "C"
