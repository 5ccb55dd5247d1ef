// See queue_wait.h.
#include "core/queue_wait.h"

#include "core/queue_lock.h"
#include "core/queue_repair.h"

namespace smipc::detail {
namespace {

constexpr int kPollsPerClock = 16;

bool only_processor() {
  // No guard that a forked child could find locked: the same value is computed by all.
  static std::atomic<unsigned> count{0};
  if (count.load(std::memory_order_relaxed) == 0) {
    count.store(plat_cpu_count(), std::memory_order_relaxed);
  }
  return count.load(std::memory_order_relaxed) == 1;
}

void set_waiting(AtomicU32& word) {
  word.store(word.load(std::memory_order_relaxed) | kWaiting, std::memory_order_relaxed);
}

}  // namespace

void QueueWakes::wake_slowly(Queue& queue) const {
  for (const QueueWait who : {QueueWait::kReceivers, QueueWait::kSenders, QueueWait::kWatchers}) {
    if ((set_ >> static_cast<std::uint32_t>(who) & 1) == 0) continue;
    const PlatWaitPoint point = queue.wait_point(who, 0);
    who == QueueWait::kWatchers ? plat_wake(point) : plat_wake_one(point);
  }
}

void QueueWaiter::note_others() { set_waiting(queue_.wait_word(who_)); }

void QueueWaiter::learn() const {
  queue_.spins[static_cast<std::uint32_t>(who_)].learn(plat_now_ns() - start_ns_);
}

// The lock is given back first. A call that does not wait still hears of the dead.
Status QueueWaiter::try_only() {
  if (last_look_ == SMIPC_OK && queue_look_for_dead(queue_, false)) {
    last_look_ = SMIPC_E_TIMED_OUT;
    return SMIPC_OK;
  }
  return fail_object_quietly(SMIPC_E_TIMED_OUT, kQueueNoun, queue_.title);
}

// The other side gets a moment to put several there, or take several, before the line goes back and
// forth for each of them (pace.h).
void QueueWaiter::stay_away(std::uint64_t moved) {
  std::atomic<bool>& busy = queue_.pacing[static_cast<std::uint32_t>(who_)];
  if (busy.exchange(true, std::memory_order_acquire)) return;
  queue_.paces[static_cast<std::uint32_t>(who_)].found_nothing(moved);
  busy.store(false, std::memory_order_release);
}

void QueueWaiter::spin() {
  has_spun_ = true;
  start_ns_ = plat_now_ns();
  if (only_processor()) return;
  const std::int64_t until_ns =
      start_ns_ + queue_.spins[static_cast<std::uint32_t>(who_)].budget_ns();
  for (;;) {
    for (int poll = 0; poll < kPollsPerClock; ++poll) {
      if (there_is()) return;
      for (int pause = 0; pause < 4; ++pause) plat_spin_pause();
    }
    const std::int64_t now_ns = plat_now_ns();
    if (now_ns >= until_ns || deadline_.passed(now_ns) || queue_.gate.closed()) return;
  }
}

Status QueueWaiter::sleep() {
  AtomicU32& word = queue_.wait_word(who_);
  set_waiting(word);
  const std::uint32_t expected = word.load(std::memory_order_relaxed);
  queue_unlock(queue_);
  slept_ = true;
  const std::int64_t slice_ns = deadline_.slice(plat_now_ns(), kQueueSliceNs);
  const PlatWake wake = plat_wait(queue_.wait_point(who_, expected), slice_ns);
  if (queue_.gate.closed()) return queue_failure(queue_, SMIPC_E_CLOSED);
  if (wake == PlatWake::kInterrupted) last_look_ = SMIPC_E_INTERRUPTED;  // I4
  if (wake != PlatWake::kWoken) queue_look_for_dead(queue_, false);
  if (deadline_.passed(plat_now_ns())) last_look_ = SMIPC_E_TIMED_OUT;
  return SMIPC_OK;
}

Status QueueWaiter::wait() {
  if (last_look_ != SMIPC_OK || deadline_.tries_only()) {
    queue_unlock(queue_);
    if (deadline_.tries_only()) return try_only();
    return fail_object_quietly(last_look_, kQueueNoun, queue_.title);
  }
  if (has_spun_) return sleep();
  const std::uint64_t moved = queue_.moved[static_cast<std::uint32_t>(who_)];
  queue_unlock(queue_);
  stay_away(moved);
  spin();
  return SMIPC_OK;
}

Status queue_wait_until(Queue& queue, const Deadline& deadline, QueueCondition ready,
                        void* context) {
  Status last_look = SMIPC_OK;
  for (;;) {
    const Status status = queue_lock(queue, deadline);
    if (status != SMIPC_OK) return status;
    if (ready(queue, context) || last_look != SMIPC_OK || deadline.tries_only()) {
      const bool is_ready = ready(queue, context);
      queue_unlock(queue);
      if (is_ready) return SMIPC_OK;
      const Status reason = last_look != SMIPC_OK ? last_look : SMIPC_E_TIMED_OUT;
      return fail_object_quietly(reason, kQueueNoun, queue.title);
    }
    set_waiting(queue.shm->watchers);
    const std::uint32_t expected = queue.shm->watchers.load(std::memory_order_relaxed);
    queue_unlock(queue);
    const std::int64_t slice_ns = deadline.slice(plat_now_ns(), kQueueSliceNs);
    const PlatWake wake = plat_wait(queue.wait_point(QueueWait::kWatchers, expected), slice_ns);
    if (queue.gate.closed()) return queue_failure(queue, SMIPC_E_CLOSED);
    if (wake == PlatWake::kInterrupted) last_look = SMIPC_E_INTERRUPTED;
    if (wake != PlatWake::kWoken) queue_look_for_dead(queue, false);
    if (deadline.passed(plat_now_ns())) last_look = SMIPC_E_TIMED_OUT;
  }
}

void queue_kick(Queue& queue) {
  // Without the lock the words stay as they are: who has not fallen asleep yet misses this kick.
  if (queue_lock(queue, Deadline(0)) == SMIPC_OK) {
    for (const QueueWait who : {QueueWait::kReceivers, QueueWait::kSenders, QueueWait::kWatchers}) {
      AtomicU32& word = queue.wait_word(who);
      word.store((word.load(std::memory_order_relaxed) & ~kWaiting) + kWakeStep,
                 std::memory_order_relaxed);
    }
    queue_unlock(queue);
  }
  for (const QueueWait who : {QueueWait::kReceivers, QueueWait::kSenders, QueueWait::kWatchers}) {
    plat_wake(queue.wait_point(who, 0));
  }
}

}  // namespace smipc::detail
