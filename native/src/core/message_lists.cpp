// See message_lists.h.
#include "core/message_lists.h"

namespace smipc::detail {
namespace {

// Takes what is known to be there and fits, up to `limit` messages; of a large ring a quarter, so that the
// writer gets its room back in time. How many; 0: take the slow way.
std::size_t take_list(Channel& channel, MessageList& into, std::size_t limit) {
  const ReaderState& reader = channel.reader;
  if (reader.special || !record_there(channel)) return 0;
  // The ring is mapped twice, so nothing wraps within a list.
  const std::byte* const begin = record_at_tail(channel);
  const std::uint64_t there = reader.head_seen - reader.tail;
  const std::uint64_t end = std::min(there, std::max(channel.limit / 4, kGroupBytes));
  std::uint64_t ahead = 0;
  std::uint64_t bytes = 0;
  do {
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
  } while (into.count < limit && ahead < end);
  if (into.count == 0) return 0;
  count_transfer(*channel.self, into.count, bytes);
  skip_tail(channel, ahead);
  store_exact(*channel.self, reader.tail);
  tell_of_tail(channel);
  return into.count;
}

}  // namespace

Status recv_messages(Channel& channel, MessageList& into, std::size_t limit,
                     const Deadline& deadline, std::size_t* out_needed) {
  look_for_records(channel);
  if (take_list(channel, into, limit) > 0) return SMIPC_OK;
  if (!channel.reader.special) {
    const Status status = wait_for_record(channel, deadline);
    if (status == SMIPC_OK && take_list(channel, into, limit) > 0) return SMIPC_OK;
    if (status != SMIPC_OK) {
      follow_with_descriptor(channel);
      return status;
    }
  }
  // A large one, or one that is still being written, or what is there is wrong.
  const smipc_buffer part = {into.at, into.left};
  std::size_t size = 0;
  const Status status = recv_message(channel, Parts(&part, 1), deadline, &size);
  if (status == SMIPC_OK) into.add(size);
  if (status == SMIPC_E_BUFFER_TOO_SMALL) *out_needed = size;
  return status;
}

}  // namespace smipc::detail
