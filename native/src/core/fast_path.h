// One message, somebody there: the paths that are compiled into the exported functions. Whatever is
// unusual makes them say no, before anything is changed; the caller then goes through
// message_send.cpp or message_recv.cpp, where the invariants stand.
//
// Each is there twice. The one whose name ends in `small` takes messages of up to kWordCopyMax bytes, and
// calls nothing: so a function that has only jumps to others besides it saves no registers, which is
// a fifth of what a call costs (compiled by gcc; clang 14 makes calls of the jumps). What it leaves to
// do, waking somebody for one, has a name of its own.
#pragma once

#include "core/copy.h"
#include "core/inlining.h"
#include "core/reading.h"
#include "core/ring.h"
#include "core/writing.h"

namespace smipc::detail {

// Relaxed: a peer that has just gone is noticed by the next call at the latest.
inline bool has_gone(const EndShm& peer) {
  return (peer.wait_word.load(std::memory_order_relaxed) & (kClosed | kDead)) != 0;
}

// The line that the writer will need some messages later is the reader's by then. (The mapping is long
// enough, and no prefetch faults.)
inline constexpr std::size_t kAheadBytes = 512;

// Writes a message behind the head and publishes it; there is room, and somebody to read it. Who must be
// woken, and what the lap is, are still to be seen to. The order is one in which few values have to be
// kept, and none is loaded twice; stores are few, as the processor completes no more than one a cycle.
template <class Copy>
SMIPC_INLINE void put_record(Channel& channel, const void* data, std::size_t size, Copy copy) {
  WriterState& writer = channel.writer;
  std::byte* const record = record_at_head(channel);
  const std::uint64_t head = writer.head += record_cost(size);
  store_record_word(record, record_word(RecordKind::kWhole, size));
  plat_prefetch_to_write(record + kAheadBytes);
  copy(record + kRecordHeader, data, size);
  EndShm& self = *channel.self;
  count_transfer(self, 1, size);
  store_head(self, head);
}

// The same if all that holds, looking around if it is time to. False: take the slow way.
SMIPC_INLINE bool send_fast(Channel& channel, const void* data, std::size_t size) {
  const std::uint64_t cost = record_cost(size);
  if (size > kChunkBytes || cost > room(channel)) return false;
  if (look_if_due(channel, cost) != SMIPC_OK || has_gone(*channel.peer)) return false;
  count_large(channel, cost);
  put_record(channel, data, size, [&channel](std::byte* to, const void* from, std::size_t n) {
    copy_into_ring(channel, to, from, n);
  });
  wake_reader(channel);
  let_send_on_after(channel, size);
  return true;
}

// Of a small message, below fast_end. False: take another way. Otherwise *unwoken says whether somebody
// is still to be woken.
SMIPC_INLINE bool send_small(Channel& channel, const void* data, std::size_t size, bool* unwoken) {
  const WriterState& writer = channel.writer;
  if (size > kWordCopyMax) [[unlikely]]
    return false;
  // fast_end may also be behind the head, which others than the fast path have moved.
  if (ahead_of(writer.head + record_cost(size), writer.fast_end) < 0 || has_gone(*channel.peer))
      [[unlikely]]
    return false;
  put_record(channel, data, size, [](std::byte* to, const void* from, std::size_t n) {
    copy_small<IntoRing>(to, from, n);
  });
  *unwoken = must_wake_peer(channel);
  return true;
}

// Whether a record is known to be there.
SMIPC_INLINE bool record_known(Channel& channel) {
  return channel.reader.head_seen != channel.reader.tail;
}

// The same, looking at the head again if none is.
SMIPC_INLINE bool record_there(Channel& channel) {
  if (record_known(channel)) [[likely]]
    return true;
  return refresh_head(channel) && record_known(channel);
}

// Copies the message at the tail, if it has at most `most` bytes and ends within the `there` bytes behind
// the tail, and takes it off; the writer is still to be told, and the lap to be seen to. Its size, or -1:
// take another way.
template <auto kCopy>
SMIPC_INLINE std::int64_t take_record(Channel& channel, void* buffer, std::size_t most,
                                      std::uint64_t there) {
  ReaderState& reader = channel.reader;
  const std::byte* const record = record_at_tail(channel);
  const std::uint64_t word = load_record_word(record);  // of kind kWhole, it is the length
  const std::uint64_t cost = record_cost(word);
  if (word > most || cost > there) [[unlikely]]
    return -1;
  kCopy(buffer, record + kRecordHeader, static_cast<std::size_t>(word));
  const std::uint64_t tail = reader.tail += cost;
  EndShm& self = *channel.self;
  count_transfer(self, 1, word);
  store_exact(self, tail);
  return static_cast<std::int64_t>(word);
}

// The size of the message that was received, or -1: take the slow way.
SMIPC_INLINE std::int64_t recv_fast(Channel& channel, void* buffer, std::size_t capacity) {
  ReaderState& reader = channel.reader;
  if (reader.special || !record_there(channel)) return -1;
  const std::int64_t size = take_record<copy_bytes<OutOfRing>>(
      channel, buffer, std::min(capacity, kChunkBytes), reader.head_seen - reader.tail);
  if (size < 0) return -1;
  tell_of_tail(channel);
  let_receive_on(channel);
  return size;
}

// The same of a small message, below fast_end; *untold says whether tell_of_tail is still to be called.
SMIPC_INLINE std::int64_t recv_small(Channel& channel, void* buffer, std::size_t capacity,
                                     bool* untold) {
  const ReaderState& reader = channel.reader;
  // fast_end may be behind the tail, which others than the fast path have moved.
  const std::int64_t there = ahead_of(reader.tail, reader.fast_end);
  if (there <= 0) [[unlikely]]
    return -1;
  const std::int64_t size = take_record<copy_small<OutOfRing>>(
      channel, buffer, std::min(capacity, kWordCopyMax), static_cast<std::uint64_t>(there));
  *untold = size >= 0 && must_wake_peer(channel);
  return size;
}

}  // namespace smipc::detail
