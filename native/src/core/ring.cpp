// See ring.h.
#include "core/ring.h"

namespace smipc::detail {

bool effective_tail(const EndShm& reader, const std::byte* ring, std::uint64_t ring_bytes,
                    std::uint64_t limit, std::uint64_t head, std::uint64_t* out) {
  // E1 (pairs with E2 in message_recv.cpp): a record is reused only after it was read.
  std::uint64_t tail = reader.exact.load(std::memory_order_acquire);
  const std::uint64_t taken = reader.taken.load(std::memory_order_acquire);  // (pairs with the
  // binding's own store just before it hands a message on; x86 and ARM order it after the copy,
  // because the copy happened in the call before.)
  if (head - tail > limit) return false;
  std::uint64_t left = (taken >> 16) == (tail & kLengthMask) ? taken & 0xffff : 0;
  while (left > 0 && head - tail >= kRecordHeader) {
    const std::uint64_t word = load_record_word(ring + tail % ring_bytes);
    const std::uint64_t length = record_length(word);
    if (length > limit || record_cost(length) > head - tail) return false;
    if (record_kind(word) == static_cast<std::uint64_t>(RecordKind::kWhole)) --left;
    tail += record_cost(length);
  }
  *out = tail;
  return true;
}

bool tail_for_writer(const Channel& channel, std::uint64_t* out) {
  return effective_tail(*channel.peer, channel.ring, channel.ring_bytes, channel.limit,
                        channel.writer.head, out);
}

}  // namespace smipc::detail
