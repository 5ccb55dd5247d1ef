// A handle to a circular buffer, for its writer or for one of its readers.
//
// Nothing here ever waits for another process, but opening and closing, for the setup section.
#pragma once

#include <cstddef>
#include <string>

#include "core/call_lock.h"
#include "core/circular_layout.h"
#include "core/error.h"
#include "core/open_handles.h"
#include "platform/platform.h"
#include "smipc.h"

struct smipc_circular_buffer {
  std::string name;
  bool writes = false;
  bool open = false;  // guarded by `lock`
  std::uint32_t forks = 0;
  smipc::detail::CallLock lock;
  smipc::detail::OpenHandle listed;

  smipc::detail::PlatSegment* segment = nullptr;
  smipc::detail::CircularBufferShm* shm = nullptr;
  std::byte* ring = nullptr;
  // From the checked header: what is mapped may change.
  std::uint64_t item_size = 0;
  std::uint64_t length = 0;
  std::uint64_t ring_bytes = 0;
  std::uint64_t nonce = 0;

  std::uint64_t position = 0;  // the item that is pushed, or popped, next
  std::uint64_t offset = 0;    // its place in the ring
  std::uint64_t reserved = 0;  // the writer's: what it has stored in shared memory
  std::uint64_t claim_at = 0;  // the writer's: from this position on it claims lines again
  std::uint64_t lost = 0;      // a reader's: items that it missed
};

namespace smipc::detail {

inline constexpr char kCircularBufferNoun[] = "circular buffer";

Status circular_buffer_open(std::string_view name, bool writes,
                            const smipc_circular_buffer_options& options,
                            smipc_circular_buffer** out);
Status circular_buffer_close(smipc_circular_buffer& buffer);
Status circular_buffer_unlink(std::string_view name);
Status circular_buffers_clean_stale(std::size_t* out_removed);

inline void circular_buffer_seek(smipc_circular_buffer& buffer, std::uint64_t item) {
  buffer.position = item;
  buffer.offset = item * buffer.item_size % buffer.ring_bytes;
}

// items <= length.
inline void circular_buffer_advance(smipc_circular_buffer& buffer, std::uint64_t items) {
  buffer.position += items;
  buffer.offset += items * buffer.item_size;
  if (buffer.offset >= buffer.ring_bytes) buffer.offset -= buffer.ring_bytes;
}

// With the lock held, and the handle open.
void circular_buffer_push(smipc_circular_buffer& buffer, const std::byte* items,
                          std::uint64_t count);
Status circular_buffer_pop(smipc_circular_buffer& buffer, std::byte* out, std::uint64_t limit,
                           std::uint64_t* out_count);
// An item as an integer, big-endian. SMIPC_E_INVALID: it does not fit. SMIPC_E_BUFFER_TOO_SMALL: it
// has more than 63 bits, and stays.
Status circular_buffer_push_int(smipc_circular_buffer& buffer, std::uint64_t item);
Status circular_buffer_pop_int(smipc_circular_buffer& buffer, std::uint64_t* out,
                               std::uint64_t* out_count);
Status circular_buffer_status(smipc_circular_buffer& buffer, smipc_circular_buffer_status* out);

}  // namespace smipc::detail
