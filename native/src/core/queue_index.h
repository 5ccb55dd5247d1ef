// Finding free slots and the next message: run, free list and heap. Everything here is called with the
// lock held, may be killed anywhere, and says false when the index cannot be an honest one's.
//
// Messages that come are put behind each other in the run, as long as they have its priority; others,
// and those that come again, go into the heap. The next message is the better of the two first
// ones. So one priority alone costs no more than a ring, and every other case the logarithm of what
// there is.
#pragma once

#include "core/queue.h"

namespace smipc::detail {

// *slot is below max_messages.
bool index_take_free(Queue& queue, std::uint32_t* slot);
bool index_give_free(Queue& queue, std::uint32_t slot);

// A message with the queue's newest sequence.
bool index_append(Queue& queue, std::uint32_t slot, std::uint32_t priority, std::uint64_t sequence);
// One with any sequence.
bool index_insert(Queue& queue, std::uint32_t slot, std::uint32_t priority, std::uint64_t sequence);

// The next message; there is one.
struct IndexedMessage {
  std::uint32_t slot = 0;
  bool in_run = false;
};
bool index_first(const Queue& queue, IndexedMessage* out);
bool index_remove_first(Queue& queue, const IndexedMessage& first);

}  // namespace smipc::detail
