// Looking at the shared cursors and records without trusting them.
//
// Every value that another process may have written is loaded once into a local and checked here;
// nothing in this file writes to shared memory, waits, or knows about handles' locks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/channel.h"
#include "core/inlining.h"
#include "core/layout.h"

namespace smipc::detail {

// The header word of a record, which a successor of a dead writer may replace.
inline std::uint64_t load_record_word(const std::byte* record) {
  // Relaxed: ordered after the acquire of head that made the record visible.
  auto* word = reinterpret_cast<std::uint64_t*>(const_cast<std::byte*>(record));
  return std::atomic_ref<std::uint64_t>(*word).load(std::memory_order_relaxed);
}

inline void store_record_word(std::byte* record, std::uint64_t word) {
  // Relaxed: published by the release store of head that follows.
  std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(record))
      .store(word, std::memory_order_relaxed);
}

// A lap is the address at which cursor 0 would be if the ring stood in memory again and again, as it
// stands twice: that of a cursor is lap + cursor, modulo the size of addresses. An end's own cursor is
// at most ring_bytes behind the ring's beginning, so whatever fits the ring can be reached from there.
inline std::byte* place_of(std::uintptr_t lap, std::uint64_t cursor) {
  return reinterpret_cast<std::byte*>(lap + static_cast<std::uintptr_t>(cursor));
}
inline std::uintptr_t lap_of(const Channel& channel, std::uint64_t cursor) {
  return reinterpret_cast<std::uintptr_t>(channel.ring) -
         static_cast<std::uintptr_t>(cursor - cursor % channel.ring_bytes);
}

inline std::uintptr_t offset_of(const Channel& channel, std::uintptr_t lap, std::uint64_t cursor) {
  return lap + static_cast<std::uintptr_t>(cursor) - reinterpret_cast<std::uintptr_t>(channel.ring);
}

// How far from the second turn of the ring a cursor is that is in the first, or at its end.
inline std::uint64_t left_of_lap(const Channel& channel, std::uintptr_t lap, std::uint64_t cursor) {
  return channel.ring_bytes - offset_of(channel, lap, cursor);
}

// How far it is from `cursor` to `other`, which may be behind it.
inline std::int64_t ahead_of(std::uint64_t cursor, std::uint64_t other) {
  return static_cast<std::int64_t>(other - cursor);
}

// The lap of a cursor that has been moved by at most ring_bytes.
inline std::uintptr_t next_lap(const Channel& channel, std::uintptr_t lap, std::uint64_t cursor) {
  return SMIPC_SELDOM(offset_of(channel, lap, cursor) >= channel.ring_bytes)
             ? lap - static_cast<std::uintptr_t>(channel.ring_bytes)
             : lap;
}

// Reader: looks at head again. False: the writer's cursor is impossible.
inline bool refresh_head(Channel& channel) {
  ReaderState& reader = channel.reader;
  // R1 (pairs with W1 in writing.h and message_send.cpp): payload before head.
  const std::uint64_t head = channel.peer->cursor.load(std::memory_order_acquire);
  if (head - reader.tail > channel.limit || head < reader.head_seen) [[unlikely]]
    return false;
  reader.head_seen = head;
  return true;
}

inline std::byte* record_at_tail(const Channel& channel) {
  return place_of(channel.reader.lap, channel.reader.tail);
}

inline std::byte* record_at_head(const Channel& channel) {
  return place_of(channel.writer.lap, channel.writer.head);
}

// What has been taken, by the reader's line 4: everything before `exact`, and the messages of a
// fetched list that were handed out. Where a successor begins, and what the writer may reuse.
// False: impossible values; `head` is the writer's cursor.
bool effective_tail(const Channel& channel, std::uint64_t head, std::uint64_t* out);

}  // namespace smipc::detail
