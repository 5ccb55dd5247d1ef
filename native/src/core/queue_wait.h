// Waiting in a message queue, for a message or for room: spin, then sleep.
//
// The words that are slept on are changed with the lock held only, so that no wake-up can be lost:
// whoever finds, under the lock, that there is nothing for it sets kWaiting before it gives the lock
// back, and whoever changes that takes the lock later and finds kWaiting.
//
// I1. Nobody sets kWaiting but under the lock, after finding nothing; nobody wakes without it. While
//     nobody waits there is no system call.
// I2. A wake clears kWaiting, counts, and wakes one (watchers: all). Others may be asleep behind the
//     one that wakes; so everybody who has slept sets kWaiting again, under the lock, before it looks,
//     and if it leaves something there it wakes the next one.
// I3. A sleep lasts kSliceNs at most, and is followed by a look for the dead: a waker that is killed
//     before it wakes, and a member that is killed with slots in hand, cost one slice.
// I4. Who was woken, timed out or interrupted looks once more, under the lock, before it gives up.
#pragma once

#include "core/queue.h"

namespace smipc::detail {

inline constexpr std::int64_t kQueueSliceNs = 75'000'000;

// Whom to wake once the lock has been given back.
class QueueWakes {
 public:
  // With the lock: somebody of `who` has something to do now.
  void add(Queue& queue, QueueWait who) {
    AtomicU32& word = queue.wait_word(who);
    const std::uint32_t value = word.load(std::memory_order_relaxed);  // under the lock, like all
    if ((value & kWaiting) == 0) [[likely]]
      return;
    word.store((value & ~kWaiting) + kWakeStep, std::memory_order_relaxed);
    set_ |= 1u << static_cast<std::uint32_t>(who);
  }
  void wake(Queue& queue) const {
    if (set_ != 0) [[unlikely]]
      wake_slowly(queue);
  }

 private:
  void wake_slowly(Queue& queue) const;
  std::uint32_t set_ = 0;
};

// With the lock: one message more is ready.
inline void queue_count_ready(Queue& queue) {
  QueueShm& shm = *queue.shm;
  const std::uint32_t ready = shm.ready.load(std::memory_order_relaxed);
  if (ready == 0) {
    shm.arrivals.store(shm.arrivals.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  shm.ready.store(ready + 1, std::memory_order_relaxed);
}

// One call that waits.
class QueueWaiter {
 public:
  QueueWaiter(Queue& queue, QueueWait who, const Deadline& deadline)
      : queue_(queue), who_(who), deadline_(deadline) {}
  ~QueueWaiter() {
    if (start_ns_ != 0) [[unlikely]]
      learn();
  }
  QueueWaiter(const QueueWaiter&) = delete;
  QueueWaiter& operator=(const QueueWaiter&) = delete;

  // With the lock, each time it has been taken (I2).
  void look() {
    if (slept_) [[unlikely]]
      note_others();
  }

  // With the lock, which it gives back, when there is nothing. SMIPC_OK: take the lock and look again.
  // SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED.
  Status wait();

  // With the lock, leaving: if something is left it is for the next one (I2).
  void leave(QueueWakes* wakes) const {
    if (slept_ && there_is()) wakes->add(queue_, who_);
  }

 private:
  // What it waits for; a hint without the lock.
  const AtomicU32& counter() const {
    return who_ == QueueWait::kSenders ? queue_.shm->free_count : queue_.shm->ready;
  }
  bool there_is() const { return counter().load(std::memory_order_relaxed) != 0; }
  void note_others();
  void learn() const;
  Status try_only();
  void stay_away(std::uint64_t moved);
  void spin();
  Status sleep();

  Queue& queue_;
  QueueWait who_;
  const Deadline& deadline_;
  bool has_spun_ = false;
  bool slept_ = false;
  Status last_look_ = 0;  // why this call gives up if there is nothing again
  std::int64_t start_ns_ = 0;
};

// Waits until `ready`, which is asked with the lock held, without taking anything.
using QueueCondition = bool (*)(Queue& queue, void* context);
Status queue_wait_until(Queue& queue, const Deadline& deadline, QueueCondition ready,
                        void* context);

// Makes everything that sleeps in this process on this queue look at its flags; others, too. To be
// repeated until nobody is left whom it has to reach.
void queue_kick(Queue& queue);

}  // namespace smipc::detail
