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
// woken is still to be. The order is one in which few values have to be kept, and none is loaded twice.
template <auto kCopy>
SMIPC_INLINE void put_record(Channel& channel, const void* data, std::size_t size) {
  const WriterState& writer = channel.writer;
  std::byte* const record = channel.ring + writer.offset;
  move_head(channel, record_cost(size));
  const std::uint64_t head = writer.head;
  store_record_word(record, record_word(RecordKind::kWhole, size));
  plat_prefetch_to_write(record + kAheadBytes);
  kCopy(record + kRecordHeader, data, size);
  EndShm& self = *channel.self;
  count_transfer(self, 1, size);
  store_head(self, head);
}

// The same if all that holds. False: take the slow way.
SMIPC_INLINE bool send_fast(Channel& channel, const void* data, std::size_t size) {
  WriterState& writer = channel.writer;
  if (size > kChunkBytes || record_cost(size) > room(channel)) return false;
  if (--writer.until_look < 0 && look_around(channel) != SMIPC_OK) return false;
  if (has_gone(*channel.peer)) return false;
  put_record<copy_bytes<IntoRing>>(channel, data, size);
  wake_reader(channel);
  return true;
}

// False: take another way. Otherwise *unwoken says whether somebody is still to be woken.
SMIPC_INLINE bool send_small(Channel& channel, const void* data, std::size_t size, bool* unwoken) {
  WriterState& writer = channel.writer;
  if (size > kWordCopyMax || record_cost(size) > room(channel)) return false;
  if (--writer.until_look < 0 || has_gone(*channel.peer)) return false;
  put_record<copy_small<IntoRing>>(channel, data, size);
  *unwoken = must_wake_peer(channel);
  return true;
}

// Whether a record is there, looking at the head again if none is known.
SMIPC_INLINE bool record_there(Channel& channel) {
  const ReaderState& reader = channel.reader;
  if (reader.head_seen != reader.tail) [[likely]]
    return true;
  return refresh_head(channel) && reader.head_seen != reader.tail;
}

// The same without looking again.
SMIPC_INLINE bool record_known(Channel& channel) {
  return channel.reader.head_seen != channel.reader.tail;
}

// Copies the message at the tail, if it has at most `most` bytes, and takes it off, without telling the
// writer. Its size, or -1: take another way.
template <auto kThere, auto kCopy>
SMIPC_INLINE std::int64_t take_record(Channel& channel, void* buffer, std::size_t most) {
  const ReaderState& reader = channel.reader;
  if (reader.special || !kThere(channel)) return -1;
  const std::byte* const record = record_at_tail(channel);
  const std::uint64_t word = load_record_word(record);  // of kind kWhole, it is the length
  const std::uint64_t cost = record_cost(word);
  if (word > most || cost > reader.head_seen - reader.tail) return -1;
  kCopy(buffer, record + kRecordHeader, static_cast<std::size_t>(word));
  skip_tail(channel, cost);
  const std::uint64_t tail = reader.tail;
  EndShm& self = *channel.self;
  count_transfer(self, 1, word);
  store_exact(self, tail);
  return static_cast<std::int64_t>(word);
}

// The size of the message that was received, or -1: take the slow way.
SMIPC_INLINE std::int64_t recv_fast(Channel& channel, void* buffer, std::size_t capacity) {
  const std::int64_t size = take_record<record_there, copy_bytes<OutOfRing>>(
      channel, buffer, std::min(capacity, kChunkBytes));
  if (size >= 0) tell_of_tail(channel);
  return size;
}

// The same, but *untold says whether tell_of_tail is still to be called.
SMIPC_INLINE std::int64_t recv_small(Channel& channel, void* buffer, std::size_t capacity,
                                     bool* untold) {
  const std::int64_t size = take_record<record_known, copy_small<OutOfRing>>(
      channel, buffer, std::min(capacity, kWordCopyMax));
  *untold = size >= 0 && must_tell_of_tail(channel);
  return size;
}

}  // namespace smipc::detail
