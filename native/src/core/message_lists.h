// Lists of messages: small ones are published in groups, and taken all at once.
//
// I1. A group is written behind `head`, in room that the reader has given back, and nobody looks at it
//     before the release store of head (W1): of a writer killed before that nothing is there, of one killed
//     after it the whole group.
//     A group is short, so that the reader gets going early.
// I2. A list has been taken when `exact` (E2) is behind all of it, and that is stored when all of it is in
//     the caller's memory: a reader killed before that leaves the whole list to its successor.
#pragma once

#include "core/fast_path.h"
#include "core/messages.h"

namespace smipc::detail {

inline constexpr std::size_t kGroup = 32;
inline constexpr std::uint64_t kGroupBytes = 16 * 1024;  // records beyond this end it, too
// The lines of the next group, if its messages are of a usual size.
inline constexpr std::int64_t kGroupClaim = kGroup * kUsualCost;

// Messages to send; so is whatever has these two.
struct MessageArray {
  const smipc_buffer* at;
  const smipc_buffer* end;

  bool front(smipc_buffer* out) const {  // false: that was all
    if (at == end) return false;
    *out = *at;
    return true;
  }
  void pop() { ++at; }
};

// Publishes the first messages that go without waiting. How many; 0: take the slow way. (There is no
// room, in room_end, while a reservation is open or a large message broke off.)
template <class Messages>
std::size_t send_group(Channel& channel, Messages& messages) {
  WriterState& writer = channel.writer;
  if (has_gone(*channel.peer)) return 0;
  if (look_if_due(channel, kUsualCost) != SMIPC_OK) return 0;  // a group is one send
  // The ring is mapped twice, so nothing wraps within a group.
  std::byte* const begin = record_at_head(channel);
  const std::uint64_t there = room(channel);
  std::uint64_t ahead = 0;
  std::uint64_t bytes = 0;
  std::size_t last = 0;
  std::size_t sent = 0;
  smipc_buffer message;
  while (sent < kGroup && ahead < kGroupBytes && messages.front(&message)) {
    const std::size_t size = message.size;
    if (size > kChunkBytes || record_cost(size) > there - ahead) break;
    std::byte* const record = begin + ahead;
    store_record_word(record, record_word(RecordKind::kWhole, size));
    plat_prefetch_to_write(record + kAheadBytes);
    copy_into_ring(channel, record + kRecordHeader, message.data, size);
    messages.pop();
    ahead += record_cost(size);
    bytes += size;
    last = size;
    ++sent;
  }
  if (sent == 0) return 0;
  move_head(channel, ahead);
  writer.look_end += ahead - kUsualCost;  // whatever it has: modulo 2^64
  count_transfer(*channel.self, sent, bytes);
  publish_head(channel, writer.head);
  let_send_on_after(channel, last, kGroupClaim);
  return sent;
}

// Waits for room where it must. *inout_sent counts those that were sent, also after an error.
template <class Messages>
Status send_messages(Channel& channel, Messages& messages, const Deadline& deadline,
                     std::size_t* inout_sent) {
  smipc_buffer message;
  while (messages.front(&message)) {
    std::size_t sent = send_group(channel, messages);
    if (sent == 0) {
      const Status status = send_message(channel, Parts(&message, 1), deadline, nullptr);
      if (status != SMIPC_OK) return status;
      messages.pop();
      sent = 1;
    }
    *inout_sent += sent;
  }
  return SMIPC_OK;
}

// Received messages, one behind the other in the caller's memory.
struct MessageList {
  std::byte* at;
  std::size_t left;
  smipc_buffer* out;
  std::size_t count = 0;

  void add(std::size_t size) {
    out[count++] = {at, size};
    at += size;
    left -= size;
  }
};

// Waits for the first, and takes small ones that are there, up to `limit` (at least 1), a quarter of a large
// ring, and while they fit; any other message comes alone. *out_needed: the size of the first, if it does not fit.
Status recv_messages(Channel& channel, MessageList& into, std::size_t limit,
                     const Deadline& deadline, std::size_t* out_needed);

}  // namespace smipc::detail
