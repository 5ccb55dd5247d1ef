// Pushing and popping: the protocol of circular buffers. See docs/design/circular-buffer.md.
//
// I1. A slot is written only when `reserved` is beyond its item; `committed` follows the bytes.
// I2. Items from reserved - length to committed are whole.
// I3. What was copied counts only by a `reserved` that is loaded after the copy.
// I4. A pop ends after kMostLaps attempts, whatever the writer does.
// A writer that is killed leaves reserved > committed, which I2 allows; its successor goes on at
// committed. Cursors do not wrap: 2^62 bytes are years of pushing, and opening checks them.
#include "core/circular_buffer.h"

#include <algorithm>
#include <cstring>

#include "core/circular_integer.h"
#include "core/racing_copy.h"

namespace smipc::detail {
namespace {

// A length below 2^41 is doubled past in 41 laps (first_to_try): the rest is tried at the newest item.
constexpr unsigned kMostLaps = 64;

std::size_t bytes_of(const smipc_circular_buffer& buffer, std::uint64_t items) {
  return static_cast<std::size_t>(items * buffer.item_size);
}

// items <= length.
void advance(smipc_circular_buffer& buffer, std::uint64_t items) {
  buffer.position += items;
  buffer.offset += items * buffer.item_size;
  if (buffer.offset >= buffer.ring_bytes) buffer.offset -= buffer.ring_bytes;
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
  advance(buffer, count);
}

Status contradiction(const smipc_circular_buffer& buffer, std::uint64_t reserved,
                     std::uint64_t committed) {
  return fail_object(SMIPC_E_CORRUPT, kCircularBufferNoun, buffer.name,
                     "its cursors are " + std::to_string(reserved) + " and " +
                         std::to_string(committed) + ", and this reader is at " +
                         std::to_string(buffer.position));
}

void skip_to(smipc_circular_buffer& buffer, std::uint64_t item) {
  buffer.lost += item - buffer.position;
  circular_buffer_seek(buffer, item);
}

std::uint64_t oldest_of(const smipc_circular_buffer& buffer, std::uint64_t committed) {
  return committed < buffer.length ? 0 : committed - (buffer.length - 1);
}

// C4 (pairs with C3): the bytes of every item before it.
std::uint64_t load_committed(const smipc_circular_buffer& buffer) {
  return buffer.shm->committed.load(std::memory_order_acquire);
}

// The item to begin at, after so many laps: the oldest one, then further and further away from the
// writer, the newest one at most. committed > position.
std::uint64_t first_to_try(const smipc_circular_buffer& buffer, std::uint64_t committed,
                           unsigned laps) {
  const std::uint64_t oldest = oldest_of(buffer, committed);
  const std::uint64_t margin = (std::uint64_t{1} << std::min(laps, 41u)) - 1;
  const std::uint64_t first = std::min(oldest + margin, committed - 1);
  return std::max(buffer.position, laps == 0 ? oldest : first);
}

// I3. Takes what `load(slots, count)` has copied; `keep(count, n)` moves the last n of them to the
// front when the others may be torn. *out_count: 0 when all of them may be.
template <class Load, class Keep>
Status take(smipc_circular_buffer& buffer, std::uint64_t committed, std::uint64_t count, Load load,
            Keep keep, std::uint64_t* out_count) {
  load(buffer.ring + buffer.offset, count);
  // C2 (pairs with C1): the bytes before `reserved`. If any of them is of a later push, the load
  // finds the `reserved` of that push, or a later one.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t reserved = buffer.shm->reserved.load(std::memory_order_relaxed);
  if (reserved < committed) return contradiction(buffer, reserved, committed);
  const std::uint64_t whole_from = reserved < buffer.length ? 0 : reserved - buffer.length;
  const std::uint64_t end = buffer.position + count;
  if (whole_from <= buffer.position) [[likely]] {
    advance(buffer, count);
    *out_count = count;
    return SMIPC_OK;
  }
  // `committed` can only have grown since `reserved` was loaded; an honest one is near it (I2).
  const std::uint64_t now = load_committed(buffer);
  if (now < committed || (reserved > now && reserved - now > buffer.length)) {
    return contradiction(buffer, reserved, now);
  }
  if (whole_from < end) {
    *out_count = end - whole_from;
    keep(count, *out_count);
    skip_to(buffer, whole_from);
    advance(buffer, *out_count);
  } else {
    skip_to(buffer, whole_from);  // at most `now`
    *out_count = 0;
  }
  return SMIPC_OK;
}

template <class Load, class Keep>
Status pop_items(smipc_circular_buffer& buffer, std::uint64_t limit, Load load, Keep keep,
                 std::uint64_t* out_count) {
  for (unsigned laps = 0; laps < kMostLaps; ++laps) {  // I4
    const std::uint64_t committed = load_committed(buffer);
    if (committed < buffer.position) return contradiction(buffer, committed, committed);
    const std::uint64_t limited = std::min(limit, committed - buffer.position);
    if (limited == 0) {
      *out_count = 0;
      return SMIPC_OK;
    }
    const std::uint64_t first = first_to_try(buffer, committed, laps);
    if (buffer.position < first) skip_to(buffer, first);
    const std::uint64_t count = std::min(limited, committed - buffer.position);
    const Status status = take(buffer, committed, count, load, keep, out_count);
    if (status != SMIPC_OK || *out_count > 0) return status;
  }
  return fail_object(SMIPC_E_BUSY, kCircularBufferNoun, buffer.name,
                     "its writer has overtaken this reader " + std::to_string(kMostLaps) +
                         " times in a row; it has missed " + std::to_string(buffer.lost) +
                         " items in all");
}

}  // namespace

void circular_buffer_seek(smipc_circular_buffer& buffer, std::uint64_t item) {
  buffer.position = item;
  buffer.offset = item * buffer.item_size % buffer.ring_bytes;
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
    return fail_object(
        SMIPC_E_INVALID, kCircularBufferNoun, buffer.name,
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
  return pop_items(buffer, limit, load, keep, out_count);
}

Status circular_buffer_pop_int(smipc_circular_buffer& buffer, std::uint64_t* out,
                               std::uint64_t* out_count) {
  bool fits = true;
  const auto load = [&](const std::byte* slot, std::uint64_t) {
    fits = load_racing_integer(slot, buffer.item_size, out);
  };
  const auto keep = [](std::uint64_t, std::uint64_t) {};  // one item is kept or not
  const Status status = pop_items(buffer, 1, load, keep, out_count);
  if (status != SMIPC_OK || *out_count == 0 || fits) return status;
  circular_buffer_seek(buffer, buffer.position - 1);
  return fail_object(SMIPC_E_BUFFER_TOO_SMALL, kCircularBufferNoun, buffer.name,
                     "the next item is an integer of more than 63 bits");
}

Status circular_buffer_status(smipc_circular_buffer& buffer, smipc_circular_buffer_status* out) {
  smipc_circular_buffer_status status = {};
  const std::uint64_t committed = load_committed(buffer);
  if (committed < buffer.position) return contradiction(buffer, committed, committed);
  const std::uint64_t from = std::max(buffer.position, oldest_of(buffer, committed));
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
