// Pushing, and what popping is for: bytes and integers. See docs/design/circular-buffer.md.
//
// I1. A slot is changed only when `reserved` is beyond its item; `committed` follows the bytes.
// I2. Items from reserved - length to committed are whole.
// I3, I4: circular_pop.h.
// A writer that is killed leaves reserved > committed, which I2 allows; its successor goes on at
// committed. Cursors do not wrap: 2^62 bytes are years of pushing, and opening checks them.
#include "core/circular_buffer.h"

#include <algorithm>
#include <cstring>

#include "core/circular_integer.h"
#include "core/circular_pop.h"
#include "core/claim.h"
#include "core/inlining.h"
#include "core/racing_copy.h"

namespace smipc::detail {
namespace {

std::size_t bytes_of(const smipc_circular_buffer& buffer, std::uint64_t items) {
  return static_cast<std::size_t>(items * buffer.item_size);
}

// Claims the lines of the items that are pushed next (claim.h). Readers may still want the ones that are
// there: so what is stored is what is there. Nobody else ever stores anything. (Only behind a push: `reserved`
// then covers what a killed predecessor may have left torn, as for any store to the ring.)
SMIPC_NOINLINE void claim_behind(smipc_circular_buffer& buffer) {
  constexpr std::uint64_t kBytes = kClaimBytes;
  std::byte* const begin = buffer.ring + buffer.offset;
  const std::uint64_t bytes = std::min(kBytes, buffer.ring_bytes - buffer.offset);
  for_each_line(begin, begin + bytes, [](std::byte* at) {
    auto* const word = reinterpret_cast<SharedWord*>(at);
    word->store(word->load(std::memory_order_relaxed), std::memory_order_relaxed);
  });
  const std::uint64_t again = bytes < kBytes ? bytes : kBytes * 3 / 4;  // or at the ring's end
  buffer.claim_at = buffer.position + std::max<std::uint64_t>(1, again / buffer.item_size);
}

// `store(slots)` writes the items.
template <class Store>
void push_chunk(smipc_circular_buffer& buffer, std::uint64_t count, Store store) {
  const std::uint64_t end = buffer.position + count;
  buffer.reserved = std::max(buffer.reserved, end);  // a killed predecessor's may be ahead
  // Relaxed: the fence orders it.
  buffer.shm->reserved.store(buffer.reserved, std::memory_order_relaxed);
  // C1 (pairs with C2): `reserved` before the bytes. Without it a reader could load new bytes and
  // then an old `reserved`, and take a torn item for whole.
  std::atomic_thread_fence(std::memory_order_release);
  store(buffer.ring + buffer.offset);
  buffer.shm->committed.store(end, std::memory_order_release);  // C3 (pairs with C4): bytes first
  circular_buffer_advance(buffer, count);
  if (buffer.position >= buffer.claim_at) claim_behind(buffer);
}

}  // namespace

Status circular::contradiction(const smipc_circular_buffer& buffer, std::uint64_t reserved,
                               std::uint64_t committed) {
  return fail_object(SMIPC_E_CORRUPT, kCircularBufferNoun, buffer.name,
                     "its cursors are " + std::to_string(reserved) + " and " +
                         std::to_string(committed) + ", and this reader is at " +
                         std::to_string(buffer.position));
}

void circular_buffer_push(smipc_circular_buffer& buffer, const std::byte* items,
                          std::uint64_t count) {
  const std::uint64_t most = std::max<std::uint64_t>(1, buffer.length / 8);
  while (count > 0) {
    const std::uint64_t chunk = std::min(count, most);
    const std::size_t bytes = bytes_of(buffer, chunk);
    push_chunk(buffer, chunk, [=](std::byte* slots) { store_racing(slots, items, bytes); });
    items += bytes;
    count -= chunk;
  }
}

Status circular_buffer_push_int(smipc_circular_buffer& buffer, std::uint64_t item) {
  const std::uint64_t size = buffer.item_size;
  if (!integer_fits(item, size)) {
    return fail_object(SMIPC_E_INVALID, kCircularBufferNoun, buffer.name,
                       std::to_string(item) + " does not fit " + std::to_string(size) + " bytes");
  }
  push_chunk(buffer, 1, [=](std::byte* slot) { store_racing_integer(slot, size, item); });
  return SMIPC_OK;
}

Status circular_buffer_pop(smipc_circular_buffer& buffer, std::byte* out, std::uint64_t limit,
                           std::uint64_t* out_count) {
  const auto load = [&](const std::byte* slots, std::uint64_t count) {
    load_racing(out, slots, bytes_of(buffer, count));
  };
  const auto keep = [&](std::uint64_t count, std::uint64_t kept) {
    std::memmove(out, out + bytes_of(buffer, count - kept), bytes_of(buffer, kept));
  };
  return circular::pop_items(buffer, limit, load, keep, out_count);
}

Status circular_buffer_pop_int(smipc_circular_buffer& buffer, std::uint64_t* out,
                               std::uint64_t* out_count) {
  bool fits = true;
  const auto load = [&](const std::byte* slot, std::uint64_t) {
    fits = load_racing_integer(slot, buffer.item_size, out);
  };
  const auto keep = [](std::uint64_t, std::uint64_t) {};  // one item is kept or not
  const Status status = circular::pop_items(buffer, 1, load, keep, out_count);
  if (status != SMIPC_OK || *out_count == 0 || fits) return status;
  circular_buffer_seek(buffer, buffer.position - 1);
  return fail_object(SMIPC_E_BUFFER_TOO_SMALL, kCircularBufferNoun, buffer.name,
                     "the next item is an integer of more than 63 bits");
}

Status circular_buffer_status(smipc_circular_buffer& buffer, smipc_circular_buffer_status* out) {
  smipc_circular_buffer_status status = {};
  const std::uint64_t committed = circular::load_committed(buffer);
  if (committed < buffer.position) return circular::contradiction(buffer, committed, committed);
  const std::uint64_t from = std::max(buffer.position, circular::oldest_of(buffer, committed));
  status.struct_size = static_cast<std::uint32_t>(sizeof status);
  status.mode = buffer.writes ? SMIPC_WRITER : SMIPC_READER;
  status.item_size = buffer.item_size;
  status.length = buffer.length;
  status.pushed = committed;
  status.available = buffer.writes ? 0 : committed - from;
  status.lost = buffer.writes ? 0 : buffer.lost + (from - buffer.position);
  status.writer_pid = buffer.shm->writer_pid.load(std::memory_order_relaxed);  // for people
  const std::uint32_t size = std::min(out->struct_size, status.struct_size);
  status.struct_size = size;
  std::memcpy(out, &status, size);
  return SMIPC_OK;
}

}  // namespace smipc::detail
