// The one lock of a message queue: a word that names its holder.
//
// I1. Uncontended, taking and giving it back is one atomic exchange each, and no system call.
// I2. Whoever finds, after a slice of waiting, that the holder has died takes the lock over from it in
//     one exchange, and puts right what it left (queue_repair.h) before anything else.
// I3. Who gets the lock after a sleep takes it as contended, because others may be asleep, too.
// A waker that is killed between giving the lock back and waking costs one slice.
#pragma once

#include "core/queue.h"
#include "core/queue_repair.h"

namespace smipc::detail {

// Whether the member that a word of shared memory names may still act; asks the OS, ~3 us.
bool queue_member_lives(Queue& queue, std::uint32_t id);

Status queue_lock_slowly(Queue& queue, const Deadline& deadline);

// Given up for the deadline (at least 100 ms, which an honest holder never takes), a signal or a close:
// SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED. Nobody who has not been asked to waits for it for ever: its
// holder may be stopped, or may not mean to give it back. Whoever gets it gives back what calls of the
// same handle have left in hand.
inline Status queue_lock(Queue& queue, const Deadline& deadline) {
  std::uint32_t expected = 0;
  // M1 (pairs with M2): what the last holder did.
  if (!queue.shm->lock.compare_exchange_strong(expected, queue.id, std::memory_order_acquire,
                                               std::memory_order_relaxed)) [[unlikely]] {
    const Status status = queue_lock_slowly(queue, deadline);
    if (status != 0) return status;
  }
  // Relaxed: a hint; the list has a mutex.
  if (queue.has_left.load(std::memory_order_relaxed)) [[unlikely]]
    queue_settle(queue);
  return 0;
}

inline void queue_unlock(Queue& queue) {
  // M2 (pairs with M1).
  const std::uint32_t before = queue.shm->lock.exchange(0, std::memory_order_release);
  if ((before & kLockContended) != 0) [[unlikely]] {
    plat_wake_one(queue.wait_point(QueueWait::kLock, 0));
  }
}

}  // namespace smipc::detail
