// Fetching for language bindings: many messages in one call, as a list that Python reads at once.
//
// I1. A fetched list is not taken: `exact` stays where it begins, and `taken` counts what the
//     binding has handed on; BatchShm says how far that is. A killed reader's successor begins there,
//     and the writer may reuse what is before (ring.cpp).
// I2. A list is at most a quarter of the ring, so that the writer never waits for a slow consumer
//     more than it would have to.
// I3. Order of stores: when a batch ends, `exact` moves first and makes `taken` void (its high part
//     no longer matches); then the table is written, then `taken`. A kill in between is harmless.
//
// The list is Python's marshal format, version 2: '[' count, then 's' length bytes for each; all
// numbers 32-bit little-endian. Only written here, from checked lengths, never parsed from a peer.
#include <cstring>

#include "core/fast_path.h"
#include "core/messages.h"
#include "core/reading.h"

namespace smipc::detail {
namespace {

constexpr std::size_t kAreaBytes = 64 * 1024;
constexpr std::size_t kItemHeader = 5;

std::int64_t fetch_result(std::int64_t kind, std::uint64_t value) {
  return (kind << SMIPC_FETCH_KIND_SHIFT) | static_cast<std::int64_t>(value);
}

std::byte* put_u32(std::byte* to, char tag, std::uint64_t value) {
  to[0] = static_cast<std::byte>(tag);
  for (int i = 0; i < 4; ++i) to[1 + i] = static_cast<std::byte>(value >> (8 * i));
  return to + kItemHeader;
}

// The length of the whole message `ahead` bytes behind the tail; false: there is none that a list
// could hold.
bool whole_message_at(const Channel& channel, std::uint64_t ahead, std::uint64_t* length) {
  const ReaderState& reader = channel.reader;
  const std::uint64_t there = reader.head_seen - reader.tail - ahead;
  if (there < kRecordHeader) return false;
  // The ring is mapped twice, so offset + ahead needs no wrapping.
  const std::uint64_t word = load_record_word(record_at_tail(channel) + ahead);
  if (word > kAreaBytes || record_cost(word) > there) return false;  // also any other kind
  *length = word;
  return true;
}

// At least two messages: writes the list and returns its size, else 0.
std::size_t fetch_list(Channel& channel) {
  std::byte* const area = channel.reader.fetch_area.data.get();
  const std::byte* const end = area + kAreaBytes;
  std::byte* to = area + kItemHeader;
  std::uint64_t ahead = 0;
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t length = 0;
  BatchShm& batch = channel.shm->batch;
  // B4 (pairs with B3 in ring.cpp): `exact`, which made `taken` void, before the table.
  std::atomic_thread_fence(std::memory_order_release);
  while (count < kBatchMost && whole_message_at(channel, ahead, &length) &&
         (count < 2 || ahead + record_cost(length) <= channel.limit / 4) &&
         static_cast<std::size_t>(end - to) >= kItemHeader + length) {
    to = put_u32(to, 's', length);
    copy_bytes<OutOfRing>(to, record_at_tail(channel) + ahead + kRecordHeader,
                          static_cast<std::size_t>(length));
    to += length;
    ahead += record_cost(length);
    bytes += length;
    // Relaxed: published by B2. `taken` is void meanwhile.
    batch.ends[count++].store(static_cast<std::uint16_t>(ahead / 8), std::memory_order_relaxed);
  }
  if (count < 2) return 0;
  put_u32(area, '[', count);
  // E3 (pairs with E1 in ring.cpp): our loads of the records before the binding's plain stores to
  // `taken`, which let the writer reuse them.
  std::atomic_thread_fence(std::memory_order_release);
  // B2 (pairs with B1 in ring.cpp): the table before the count.
  channel.self->taken.store((channel.reader.tail & kLengthMask) << 16, std::memory_order_release);
  skip_tail(channel, ahead);
  channel.reader.batch = true;
  begin_special(channel);
  count_transfer(*channel.self, count, bytes);
  return static_cast<std::size_t>(to - area);
}

}  // namespace

Status open_fetch_area(Channel& channel, smipc_fetch_area* out) {
  if (!channel.reader.fetch_area.ensure(kAreaBytes)) {
    return fail(SMIPC_E_NO_MEMORY, channel.name, "no memory for the fetch area");
  }
  out->data = channel.reader.fetch_area.data.get();
  out->size = kAreaBytes;
  // The low 16 bits of `taken`, on the little-endian machines that the format is for.
  out->taken = reinterpret_cast<std::uint16_t*>(&channel.self->taken);
  return SMIPC_OK;
}

std::int64_t fetch_only_one(Channel& channel, std::int64_t* inout_timeout_ns) {
  const ReaderState& reader = channel.reader;
  if (reader.special || reader.fetch_area.capacity == 0) return -1;
  look_for_records(channel);
  const std::int64_t timeout_ns = *inout_timeout_ns;
  if (!record_known(channel) && timeout_ns != 0) {
    const std::int64_t spun_ns = spin_for_record(channel, timeout_ns == kSoon ? 0 : timeout_ns);
    *inout_timeout_ns = without(timeout_ns, spun_ns);
  }
  if (!record_known(channel)) return -1;
  const std::uint64_t word = load_record_word(record_at_tail(channel));
  if (word > kAreaBytes || record_cost(word) != reader.head_seen - reader.tail) return -1;
  // The word is read again, and checked again: a peer may have changed it.
  return recv_fast(channel, reader.fetch_area.data.get(), kAreaBytes);
}

std::int64_t fetch_messages(Channel& channel, const Deadline& deadline) {
  ReaderState& reader = channel.reader;
  finish_batch(channel);
  if (reader.borrowed) {
    return fail(SMIPC_E_BUSY, channel.name, "a message is borrowed: release it first");
  }
  if (reader.fetch_area.capacity == 0) {
    return fail(SMIPC_E_INVALID, channel.name, "smipc_channel_fetch_open was not called");
  }
  // No room of the caller's: a message larger than the ring is announced, not put together.
  Parts nowhere(nullptr, 0);
  Message message;
  Status status = next_message(channel, deadline, &nowhere, &message);
  if (status == SMIPC_OK && message.in_progress && message.size <= kAreaBytes) {
    status = next_message(channel, deadline, nullptr, &message);
  }
  if (status == SMIPC_E_BUFFER_TOO_SMALL) return fetch_result(SMIPC_FETCH_LARGE, message.size);
  if (status != SMIPC_OK) {
    follow_with_descriptor(channel);
    return status;
  }
  if (message.size > kAreaBytes) return fetch_result(SMIPC_FETCH_LARGE, message.size);
  // One at a time while a descriptor follows the ring: it must know what is left.
  if (!message.assembled && !channel.watched) {
    const std::size_t size = fetch_list(channel);
    if (size > 0) return fetch_result(SMIPC_FETCH_LIST, size);
  }
  copy_bytes<OutOfRing>(reader.fetch_area.data.get(), message.data,
                        static_cast<std::size_t>(message.size));
  take_message(channel, message);
  follow_with_descriptor(channel);
  return fetch_result(SMIPC_FETCH_ONE, message.size);
}

}  // namespace smipc::detail
