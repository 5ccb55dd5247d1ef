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

// Where in the ring `cost` bytes behind `offset` are.
inline std::uint64_t move_offset(const Channel& channel, std::uint64_t offset, std::uint64_t cost) {
  offset += cost;
  if (SMIPC_SELDOM(offset >= channel.ring_bytes)) offset -= channel.ring_bytes;
  return offset;
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
  return channel.ring + channel.reader.offset;
}

// What has been taken, by the reader's line 4: everything before `exact`, and the messages of a
// fetched list that were handed out. Where a successor begins, and what the writer may reuse.
// False: impossible values; `head` is the writer's cursor.
bool effective_tail(const Channel& channel, std::uint64_t head, std::uint64_t* out);

}  // namespace smipc::detail
