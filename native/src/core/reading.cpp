// See reading.h.
#include "core/reading.h"

namespace smipc::detail {

Status corrupt_head(const Channel& channel) {
  return fail(SMIPC_E_CORRUPT, channel.name,
              "the writer's cursor is " +
                  std::to_string(channel.peer->cursor.load(std::memory_order_relaxed)) +
                  ", the reader's is " + std::to_string(channel.reader.tail) +
                  ", and the channel holds " + std::to_string(channel.limit));
}

Status wait_for_more(Channel& channel, std::uint64_t seen, const Deadline& deadline) {
  ReaderState& reader = channel.reader;
  bool corrupt = false;
  const Status status = wait_until(channel, deadline, 0, [&channel, &reader, &corrupt, seen](bool) {
    corrupt = corrupt || !refresh_head(channel);
    return corrupt || reader.head_seen - reader.tail > seen;
  });
  return corrupt ? corrupt_head(channel) : status;
}

void publish_tail(Channel& channel) {
  ReaderState& reader = channel.reader;
  reader.published = reader.tail;
  // T1 (pairs with T2 in writing.cpp): our loads of the payload before the tail.
  channel.self->cursor.store(reader.tail, std::memory_order_release);
  wake_peer(channel);
}

bool can_read_now(const Channel& channel) {
  if (channel.reader.kept_end.load(std::memory_order_acquire) != 0) return true;
  const std::uint64_t head = channel.peer->cursor.load(std::memory_order_acquire);  // R1
  std::uint64_t tail = 0;
  // Impossible values count as readable: the read says what is wrong.
  return !effective_tail(channel, head, &tail) || head != tail || peer_gone(channel) != SMIPC_OK;
}

}  // namespace smipc::detail
