// Looking at messages without copying them, or without taking them.
//
// A borrowed message stays before `exact` until it is released, so the writer cannot reuse its bytes
// and a killed reader leaves it to its successor. The ring is mapped twice in a row: a message is
// contiguous wherever it begins.
#include <cstring>

#include "core/messages.h"
#include "core/reading.h"

namespace smipc::detail {
namespace {

Message borrowed_message(const Channel& channel) {
  const ReaderState& reader = channel.reader;
  Message message;
  message.assembled = reader.assembly.complete();
  if (message.assembled) {
    message.data = reader.assembly.bytes.data.get();
    message.size = reader.assembly.total;
    message.cost = reader.assembly.last_cost;
  } else {
    message.data = record_at_tail(channel) + kRecordHeader;
    message.size = reader.borrowed_bytes;
    message.cost = record_cost(reader.borrowed_bytes);
  }
  return message;
}

// The prefix of a message larger than the ring: from the kPiece record behind its kStart, which is
// waited for. Of a message that has been begun, nothing.
Status copy_first_piece(Channel& channel, void* prefix, std::size_t prefix_size,
                        const Deadline& deadline, std::size_t* out_prefix) {
  constexpr std::uint64_t kStartCost = record_cost(sizeof(std::uint64_t));
  ReaderState& reader = channel.reader;
  // In the smallest rings the piece comes only after the kStart record is taken.
  const bool both_fit = channel.limit >= kStartCost + record_cost(kRecordHeader);
  if (prefix_size == 0 || reader.assembly.active || !both_fit) return SMIPC_OK;
  const Status status = wait_for_more(channel, kStartCost + kRecordHeader - 1, deadline);
  if (status != SMIPC_OK) return status;
  // The ring is mapped twice, so nothing wraps.
  const std::byte* piece = record_at_tail(channel) + kStartCost;
  const std::uint64_t word = load_record_word(piece);
  const std::uint64_t there = reader.head_seen - reader.tail - kStartCost;
  const std::uint64_t length = record_length(word);
  if (record_kind(word) != static_cast<std::uint64_t>(RecordKind::kPiece) ||
      length > channel.limit || record_cost(length) > there) {
    return SMIPC_OK;  // it was given up, or the read will say what is wrong
  }
  *out_prefix = static_cast<std::size_t>(std::min<std::uint64_t>(length, prefix_size));
  std::memcpy(prefix, piece + kRecordHeader, *out_prefix);
  return SMIPC_OK;
}

}  // namespace

Status borrow_message(Channel& channel, const Deadline& deadline, const void** out,
                      std::size_t* out_size) {
  ReaderState& reader = channel.reader;
  finish_batch(channel);
  Message message;
  if (reader.borrowed) {
    message = borrowed_message(channel);
  } else {
    const Status status = next_message(channel, deadline, nullptr, &message);
    if (status != SMIPC_OK) {
      follow_with_descriptor(channel);
      return status;
    }
    reader.borrowed = true;
    reader.borrowed_bytes = message.size;
    begin_special(channel);
  }
  *out = message.data;
  *out_size = static_cast<std::size_t>(message.size);
  return SMIPC_OK;
}

Status release_message(Channel& channel) {
  ReaderState& reader = channel.reader;
  if (!reader.borrowed) return fail(SMIPC_E_INVALID, channel.name, "there is no borrowed message");
  const Message message = borrowed_message(channel);
  reader.borrowed = false;
  reader.special = reader.assembly.active;
  take_message(channel, message);
  follow_with_descriptor(channel);
  return SMIPC_OK;
}

Status look_at_next(Channel& channel, void* prefix, std::size_t prefix_size,
                    const Deadline& deadline, std::size_t* out_size, std::size_t* out_prefix) {
  finish_batch(channel);
  const ReaderState& reader = channel.reader;
  *out_prefix = 0;
  Message message;
  Parts nowhere(nullptr, 0);  // a message larger than the ring is announced, not put together
  Status status = SMIPC_OK;
  if (reader.borrowed) {
    message = borrowed_message(channel);
  } else {
    status = next_message(channel, deadline, &nowhere, &message);
  }
  *out_size = static_cast<std::size_t>(message.size);
  if (status == SMIPC_E_BUFFER_TOO_SMALL) {
    return copy_first_piece(channel, prefix, prefix_size, deadline, out_prefix);
  }
  if (status != SMIPC_OK) {
    follow_with_descriptor(channel);
    return status;
  }
  std::uint64_t there = message.size;
  if (message.in_progress) {
    there = std::min(there, reader.head_seen - reader.tail - kRecordHeader);
  }
  *out_prefix = static_cast<std::size_t>(std::min<std::uint64_t>(there, prefix_size));
  if (*out_prefix > 0) std::memcpy(prefix, message.data, *out_prefix);
  return SMIPC_OK;
}

}  // namespace smipc::detail
