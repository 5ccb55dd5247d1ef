// What stream and message readers share: the tail, giving back room, and waiting for more.
#pragma once

#include <algorithm>

#include "core/channel.h"
#include "core/deadline.h"
#include "core/ring.h"
#include "core/waiting.h"

namespace smipc::detail {

// Makes the tail known to the writer now, and wakes it if it waits for room.
void publish_tail(Channel& channel);

// Moves the private tail behind `cost` bytes.
inline void skip_tail(Channel& channel, std::uint64_t cost) {
  ReaderState& reader = channel.reader;
  reader.tail += cost;
  reader.lap = next_lap(channel, reader.lap, reader.tail);
}

// Makes everything before `tail` taken; the writer is still to be told.
inline void store_exact(EndShm& self, std::uint64_t tail) {
  // E2 (pairs with E1 in ring.cpp): our loads of the payload before the exact tail.
  self.exact.store(tail, std::memory_order_release);
}

inline bool tail_is_late(const Channel& channel) {
  const ReaderState& reader = channel.reader;
  return reader.tail - reader.published >= reader.publish_step;
}

// Nothing is for the fast path, ...
inline void receive_slowly(Channel& channel) { channel.reader.fast_end = channel.reader.tail; }

// ... and that until a message is no longer lent, or in the making, or a list is handed on.
inline void begin_special(Channel& channel) {
  channel.reader.special = true;
  receive_slowly(channel);
}

// After a message that was no special one: the next ones are for the fast path, up to the end of what is
// known to be there and of the lap, and as long as the tail need not be published.
inline void let_receive_on(Channel& channel) {
  ReaderState& reader = channel.reader;
  reader.lap = next_lap(channel, reader.lap, reader.tail);
  if (ahead_of(reader.tail, reader.fast_end) > 0)
    return;  // what was found the last time still holds
  if (channel.watched) return receive_slowly(channel);
  const std::uint64_t unsaid = reader.publish_step - 1 - (reader.tail - reader.published);
  const std::uint64_t left = left_of_lap(channel, reader.lap, reader.tail);
  reader.fast_end = reader.tail + std::min({reader.head_seen - reader.tail, unsaid, left});
}

inline void store_tail(Channel& channel) {
  store_exact(*channel.self, channel.reader.tail);
  if (tail_is_late(channel)) {
    publish_tail(channel);
  } else {
    wake_peer(channel);  // a writer that sleeps for room looks at the exact tail
  }
}

inline void advance_tail(Channel& channel, std::uint64_t cost) {
  skip_tail(channel, cost);
  store_tail(channel);
}

Status corrupt_head(const Channel& channel);

// Waits until more than `seen` bytes lie between tail and head.
Status wait_for_more(Channel& channel, std::uint64_t seen, const Deadline& deadline);

// Something to read, or the other end is gone. Needs no lock: it reads shared words only.
bool can_read_now(const Channel& channel);

// After a read, or one that found nothing: the descriptor of a watched reader.
void follow_descriptor_slowly(Channel& channel);  // watcher.cpp
inline void follow_with_descriptor(Channel& channel) {
  if (channel.watched && !can_read_now(channel)) follow_descriptor_slowly(channel);
}

// What comes after store_exact.
inline void tell_of_tail(Channel& channel) {
  tail_is_late(channel) ? publish_tail(channel) : wake_peer(channel);
  if (channel.watched) [[unlikely]]
    follow_with_descriptor(channel);
}

}  // namespace smipc::detail
