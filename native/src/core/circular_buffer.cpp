// Pushing and popping: the protocol of circular buffers. See docs/design/circular-buffer.md.
//
// I1. A slot is written only when `reserved` is beyond its item; `committed` follows the bytes.
// I2. Items from reserved - length to committed are whole.
// I3. What was copied counts only by a `reserved` that is loaded after the copy.
// A writer that is killed leaves reserved > committed, which I2 allows; its successor goes on at
// committed. Cursors do not wrap: 2^62 bytes are years of pushing, and opening checks them.
#include "core/circular_buffer.h"

#include <algorithm>
#include <cstring>

#include "core/racing_copy.h"

namespace smipc::detail {
namespace {

// After so many attempts in which the writer lapped this reader, it takes the newest item.
constexpr int kPatientAttempts = 16;

std::size_t bytes_of(const smipc_circular_buffer& buffer, std::uint64_t items) {
  return static_cast<std::size_t>(items * buffer.item_size);
}

// items <= length.
void advance(smipc_circular_buffer& buffer, std::uint64_t items) {
  buffer.position += items;
  buffer.offset += items * buffer.item_size;
  if (buffer.offset >= buffer.ring_bytes) buffer.offset -= buffer.ring_bytes;
}

void push_chunk(smipc_circular_buffer& buffer, const std::byte* items, std::uint64_t count) {
  const std::uint64_t end = buffer.position + count;
  buffer.reserved = std::max(buffer.reserved, end);  // a killed predecessor's may be ahead
  // Relaxed: the fence orders it.
  buffer.shm->reserved.store(buffer.reserved, std::memory_order_relaxed);
  // C1 (pairs with C2): `reserved` before the bytes. Without it a reader could load new bytes and
  // then an old `reserved`, and take a torn item for whole.
  std::atomic_thread_fence(std::memory_order_release);
  store_racing(buffer.ring + buffer.offset, items, bytes_of(buffer, count));
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

// I3. Copies `count` items, and drops those that may be torn. *kept: 0 if all of them.
Status copy_out(smipc_circular_buffer& buffer, std::uint64_t committed, std::byte* out,
                std::uint64_t count, std::uint64_t* kept) {
  load_racing(out, buffer.ring + buffer.offset, bytes_of(buffer, count));
  // C2 (pairs with C1): the bytes before `reserved`. If any of them is of a later push, the load
  // finds the `reserved` of that push, or a later one.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t reserved = buffer.shm->reserved.load(std::memory_order_relaxed);
  if (reserved < committed) return contradiction(buffer, reserved, committed);
  const std::uint64_t whole_from = reserved < buffer.length ? 0 : reserved - buffer.length;
  const std::uint64_t end = buffer.position + count;
  if (whole_from <= buffer.position) {
    advance(buffer, count);
    *kept = count;
  } else if (whole_from < end) {
    *kept = end - whole_from;
    std::memmove(out, out + bytes_of(buffer, count - *kept), bytes_of(buffer, *kept));
    skip_to(buffer, whole_from);
    advance(buffer, *kept);
  } else {
    skip_to(buffer, std::min(whole_from, committed));
    *kept = 0;
  }
  return SMIPC_OK;
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
    push_chunk(buffer, items, chunk);
    items += bytes_of(buffer, chunk);
    count -= chunk;
  }
}

Status circular_buffer_pop(smipc_circular_buffer& buffer, std::byte* out, std::uint64_t limit,
                           std::uint64_t* out_count) {
  for (int attempt = 0; limit > 0; ++attempt) {
    // C4 (pairs with C3): the bytes of every item before it.
    const std::uint64_t committed = buffer.shm->committed.load(std::memory_order_acquire);
    if (committed < buffer.position) return contradiction(buffer, committed, committed);
    std::uint64_t oldest = oldest_of(buffer, committed);
    if (attempt >= kPatientAttempts) oldest = std::max(oldest, committed - (committed > 0 ? 1 : 0));
    if (buffer.position < oldest) skip_to(buffer, oldest);
    const std::uint64_t count = std::min(limit, committed - buffer.position);
    if (count == 0) break;
    const Status status = copy_out(buffer, committed, out, count, out_count);
    if (status != SMIPC_OK || *out_count > 0) return status;
  }
  *out_count = 0;
  return SMIPC_OK;
}

Status circular_buffer_status(smipc_circular_buffer& buffer, smipc_circular_buffer_status* out) {
  smipc_circular_buffer_status status = {};
  const std::uint64_t committed = buffer.shm->committed.load(std::memory_order_acquire);  // C4
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
