// One small message, somebody there, nobody to wake: the paths that are compiled into the exported
// functions. Whatever is unusual makes them say no, before anything is changed; the caller then goes
// through message_send.cpp or message_recv.cpp, where the invariants stand.
#pragma once

#include "core/copy.h"
#include "core/inlining.h"
#include "core/reading.h"
#include "core/ring.h"
#include "core/writing.h"

namespace smipc::detail {

// Writes a message behind the head without publishing it. False: take the slow way.
SMIPC_INLINE bool stage_message(Channel& channel, const void* data, std::size_t size) {
  WriterState& writer = channel.writer;
  if (size > kChunkBytes || record_cost(size) > room(channel)) return false;
  if (--writer.until_look < 0 && look_around(channel) != SMIPC_OK) return false;
  // Relaxed: a peer that has just gone is noticed by the next call at the latest.
  if ((channel.peer->wait_word.load(std::memory_order_relaxed) & (kClosed | kDead)) != 0) {
    return false;
  }
  std::byte* record = channel.ring + writer.offset;
  store_record_word(record, record_word(RecordKind::kWhole, size));
  copy_bytes(record + kRecordHeader, data, size);
  move_head(channel, record_cost(size));
  count_transfer(channel, 1, size);
  return true;
}

SMIPC_INLINE void publish_staged(Channel& channel) { publish_head(channel, channel.writer.head); }

SMIPC_INLINE bool send_fast(Channel& channel, const void* data, std::size_t size) {
  if (!stage_message(channel, data, size)) return false;
  publish_staged(channel);
  return true;
}

// Whether a record is there, looking at the head again if none is known.
SMIPC_INLINE bool record_there(Channel& channel) {
  const ReaderState& reader = channel.reader;
  if (reader.head_seen != reader.tail) return true;
  return refresh_head(channel) && reader.head_seen != reader.tail;
}

// The size of the message that was received, or -1: take the slow way.
SMIPC_INLINE std::int64_t recv_fast(Channel& channel, void* buffer, std::size_t capacity) {
  const ReaderState& reader = channel.reader;
  if (reader.special || !record_there(channel)) return -1;
  const std::byte* record = record_at_tail(channel);
  const std::uint64_t word = load_record_word(record);  // of kind kWhole, it is the length
  if (word > std::min<std::uint64_t>(capacity, kChunkBytes) ||
      record_cost(word) > reader.head_seen - reader.tail) {
    return -1;
  }
  copy_bytes(buffer, record + kRecordHeader, static_cast<std::size_t>(word));
  count_transfer(channel, 1, word);
  advance_tail(channel, record_cost(word));
  if (channel.watched) [[unlikely]]
    follow_with_descriptor(channel);
  return static_cast<std::int64_t>(word);
}

}  // namespace smipc::detail
