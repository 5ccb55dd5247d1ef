// Putting right what the dead leave in a message queue.
#pragma once

#include "core/queue.h"

namespace smipc::detail {

// With the lock taken over from `dead`: builds the index anew from the slots. What was in the hands
// of `dead`, and of members that have had successors, is given up or ready again. May be killed
// anywhere: the next one starts over.
void queue_repair(Queue& queue, std::uint32_t dead);

// With the lock: the same for what is in the hands of all who have had a role that nobody holds, or that
// the caller has just taken.
void queue_reclaim(Queue& queue, std::uint32_t role);

// With the lock: gives back what calls of this handle have left in hand.
void queue_settle(Queue& queue);

// Without the lock: asks about everybody who has slots in hand, at most every 67 ms unless `now`,
// and reclaims from the dead. true: it has.
bool queue_look_for_dead(Queue& queue, bool now);

}  // namespace smipc::detail
