// See message_lists.h.
#include "core/message_lists.h"

namespace smipc::detail {
namespace {

// Takes the messages that are known to be there and fit. How many; 0: take the slow way.
std::size_t recv_group(Channel& channel, MessageList& into, std::size_t limit) {
  const ReaderState& reader = channel.reader;
  if (reader.special || !record_there(channel)) return 0;
  const std::byte* const begin = record_at_tail(channel);
  const std::uint64_t there = reader.head_seen - reader.tail;
  const std::size_t before = into.count;
  const std::size_t most = before + std::min(limit - before, kGroup);
  std::uint64_t ahead = 0;
  std::uint64_t bytes = 0;
  while (into.count < most && ahead < there && ahead < kGroupBytes) {
    const std::byte* const record = begin + ahead;
    const std::uint64_t word = load_record_word(record);  // of kind kWhole, it is the length
    if (word > std::min<std::uint64_t>(into.left, kChunkBytes) ||
        record_cost(word) > there - ahead) {
      break;
    }
    copy_bytes<OutOfRing>(into.at, record + kRecordHeader, static_cast<std::size_t>(word));
    into.add(static_cast<std::size_t>(word));
    ahead += record_cost(word);
    bytes += word;
  }
  const std::size_t received = into.count - before;
  if (received == 0) return 0;
  count_transfer(channel, received, bytes);
  skip_tail(channel, ahead);
  store_exact(channel);
  tell_of_tail(channel);
  return received;
}

}  // namespace

Status recv_messages(Channel& channel, MessageList& into, std::size_t limit,
                     const Deadline& deadline, std::size_t* out_needed) {
  look_for_records(channel);
  while (into.count < limit) {
    if (recv_group(channel, into, limit) > 0) continue;
    const smipc_buffer part = {into.at, into.left};
    std::size_t size = 0;
    const Status status =
        recv_message(channel, Parts(&part, 1), into.count == 0 ? deadline : Deadline(0), &size);
    if (status == SMIPC_OK) {
      into.add(size);
      continue;
    }
    if (into.count > 0) return SMIPC_OK;  // the next call meets it again
    if (status == SMIPC_E_BUFFER_TOO_SMALL) *out_needed = size;
    return status;
  }
  return SMIPC_OK;
}

}  // namespace smipc::detail
