// What stream and message writers share: the head, the room before it, and looking around.
#pragma once

#include <algorithm>

#include "core/channel.h"
#include "core/claim.h"
#include "core/copy.h"
#include "core/deadline.h"
#include "core/ring.h"
#include "core/waiting.h"

namespace smipc::detail {

// Longer payloads are published as they are written, so that both sides copy at once and the bytes
// are still in the cache when the reader gets them.
inline constexpr std::size_t kChunkBytes = 64 * 1024;

inline void move_head(Channel& channel, std::uint64_t cost) {
  WriterState& writer = channel.writer;
  writer.head += cost;
  writer.lap = next_lap(channel, writer.lap, writer.head);
}

// The reader is still to be woken.
inline void store_head(EndShm& self, std::uint64_t head) {
  // W1 (pairs with R1 in ring.h): payload before head.
  self.cursor.store(head, std::memory_order_release);
}

// Messages come slowly when the reader sleeps, and it may have died so: the next send looks around.
inline void wake_reader_slowly(Channel& channel) {
  if (!wake_peer_slowly(channel)) return;
  channel.writer.look_end = channel.writer.fast_end = channel.writer.head;
}

inline void wake_reader(Channel& channel) {
  if (must_wake_peer(channel)) [[unlikely]]
    wake_reader_slowly(channel);
}

inline void publish_head(Channel& channel, std::uint64_t head) {
  store_head(*channel.self, head);
  wake_reader(channel);
}

// What can be written without looking at the reader again.
inline std::uint64_t room(const Channel& channel) {
  return channel.writer.room_end - channel.writer.head;
}

// Payload, behind the head.
SMIPC_INLINE void copy_into_ring(Channel& channel, std::byte* to, const void* from,
                                 std::size_t size) {
  if (size < kLargeCopy) return copy_bytes<IntoRing>(to, from, size);
  copy_large(channel.writer.copy_choice, to, static_cast<const std::byte*>(from), size);
}

// Claims lines behind the head (claim.h): up to `bytes` behind it, when no more than a quarter of that is left.
// It is room, which the reader has given back and does not look at before the head has passed it (I1 of
// message_send.cpp); nor does a writer that is killed here leave anything. What is stored is no record, so a
// reader that were to look at it all the same would say so.
// How far they are claimed, no further than there is room, nor than to the end of the lap.
inline std::int64_t claim_behind_head(Channel& channel, std::int64_t bytes) {
  WriterState& writer = channel.writer;
  const auto left = static_cast<std::int64_t>(left_of_lap(channel, writer.lap, writer.head));
  const std::int64_t most = std::min(ahead_of(writer.head, writer.room_end), left);
  const std::int64_t claimed = std::max<std::int64_t>(ahead_of(writer.head, writer.claimed_end), 0);
  // What is known of the room may have become less since (forget_room).
  if (claimed > bytes / 4) return std::min(claimed, most);
  std::byte* const head = record_at_head(channel);
  const std::int64_t end = std::min(bytes, most);
  for_each_line(head + claimed, head + end,
                [](std::byte* at) { store_record_word(at, kNoRecord); });
  writer.claimed_end = writer.head + static_cast<std::uint64_t>(end);
  return end;
}

// After a send: the next ones are for the fast path, up to the end of the room that is known, of the lap,
// of the lines that are claimed, and of what may be sent before the next look. So the fast path compares
// one number, and counts nothing.
inline void let_send_on(Channel& channel, std::int64_t claim = kClaimBytes) {
  WriterState& writer = channel.writer;
  writer.lap = next_lap(channel, writer.lap, writer.head);
  // Below the head where what was sent slowly has moved it beyond look_end.
  const std::int64_t ahead =
      std::min(claim_behind_head(channel, claim), ahead_of(writer.head, writer.look_end));
  writer.fast_end = writer.head + static_cast<std::uint64_t>(ahead);
}

// How much to claim after `size` bytes: more in a stream, where the reader had not read the last KiB when the
// writer last looked.
inline std::int64_t claim_after(const Channel& channel, std::uint64_t size) {
  return size > kWordCopyMax && channel.writer.in_stream ? kStreamClaimBytes : kClaimBytes;
}

// let_send_on after `size` bytes in one message, of a list in the last one.
void let_send_on_after_large(Channel& channel, std::int64_t claim);
SMIPC_INLINE void let_send_on_after(Channel& channel, std::uint64_t size,
                                    std::int64_t least_claim = kClaimBytes) {
  const std::int64_t claim = std::max(claim_after(channel, size), least_claim);
  size < kLargeCopy ? let_send_on(channel, claim) : let_send_on_after_large(channel, claim);
}

// Nothing is for the fast path, nor is any room known: the next send looks.
inline void forget_room(Channel& channel) {
  channel.writer.room_end = channel.writer.fast_end = channel.writer.head;
}

// Waits until `cost` bytes fit.
Status wait_for_room(Channel& channel, std::uint64_t cost, const Deadline& deadline);

// Waits until the reader has taken everything.
Status wait_until_taken(Channel& channel, const Deadline& deadline);

// Looks at the clock, and every kSliceNs after the opposite end: how a writer that never has to wait
// hears of a reader that was killed. Every call that is not on the fast path begins with it.
Status look_around(Channel& channel);

// What a larger send counts as.
inline constexpr std::uint64_t kUsualCost = record_cost(64);

// After a look, when a send of `cost` bytes is sure to go: it and so many of its size may go before the next
// one: none while they come slowly or had to wake the reader, 32 while dozens come in a tick of the clock. They
// are counted in bytes of the ring. So what a burst has left unsaid its 32nd successor says at the latest if it
// is as large, and of smaller ones the last of those that need as much room (of 8 bytes after 64, the 144th).
inline void allow_sends(Channel& channel, std::uint64_t cost) {
  WriterState& writer = channel.writer;
  writer.look_end = writer.head + (1 + writer.look_interval) * std::min(cost, kUsualCost);
}

// Before a send of `cost` bytes for which there is room; count_large when it is sure to go.
inline Status look_if_due(Channel& channel, std::uint64_t cost) {
  const WriterState& writer = channel.writer;
  const std::uint64_t head = writer.head + std::min(cost, kUsualCost);
  if (ahead_of(head, writer.look_end) >= 0) return SMIPC_OK;
  const Status status = look_around(channel);
  if (status == SMIPC_OK) allow_sends(channel, cost);
  return status;
}
inline void count_large(Channel& channel, std::uint64_t cost) {
  channel.writer.look_end += cost - std::min(cost, kUsualCost);
}

}  // namespace smipc::detail
