// Popping, whatever becomes of the items: by a reader that the writer may overtake at any time.
// See docs/design/circular-buffer.md.
//
// I3. What was copied counts only by a `reserved` that is loaded after the copy.
// I4. A pop ends after kMostLaps attempts, whatever the writer does.
#pragma once

#include <algorithm>

#include "core/circular_buffer.h"

namespace smipc::detail::circular {

// A length below 2^41 is doubled past in 41 laps (first_to_try): the rest is tried at the
// newest item.
inline constexpr unsigned kMostLaps = 64;

// SMIPC_E_CORRUPT.
Status contradiction(const smipc_circular_buffer& buffer, std::uint64_t reserved,
                     std::uint64_t committed);

inline void skip_to(smipc_circular_buffer& buffer, std::uint64_t item) {
  buffer.lost += item - buffer.position;
  circular_buffer_seek(buffer, item);
}

inline std::uint64_t oldest_of(const smipc_circular_buffer& buffer, std::uint64_t committed) {
  return committed < buffer.length ? 0 : committed - (buffer.length - 1);
}

// C4 (pairs with C3): the bytes of every item before it.
inline std::uint64_t load_committed(const smipc_circular_buffer& buffer) {
  return buffer.shm->committed.load(std::memory_order_acquire);
}

// The item to begin at, after so many laps: the oldest one, then further and further away from the
// writer, the newest one at most. committed > position.
inline std::uint64_t first_to_try(const smipc_circular_buffer& buffer, std::uint64_t committed,
                                  unsigned laps) {
  const std::uint64_t oldest = oldest_of(buffer, committed);
  // Less than committed - oldest, so that nothing wraps whatever the cursors say.
  const std::uint64_t margin =
      std::min((std::uint64_t{1} << std::min(laps, 41u)) - 1, committed - 1 - oldest);
  return std::max(buffer.position, oldest + margin);
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
    circular_buffer_advance(buffer, count);
    *out_count = count;
    return SMIPC_OK;
  }
  // C5 (pairs with C1): an honest `reserved` is at most two chunks ahead of a `committed` that is
  // loaded after it, because the fence of a push orders the `committed` of the push before it.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint64_t now = load_committed(buffer);
  if (now < committed || (reserved > now && reserved - now > buffer.length)) {
    return contradiction(buffer, reserved, now);
  }
  if (whole_from < end) {
    *out_count = end - whole_from;
    keep(count, *out_count);
    skip_to(buffer, whole_from);
    circular_buffer_advance(buffer, *out_count);
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

}  // namespace smipc::detail::circular
