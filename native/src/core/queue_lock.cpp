// See queue_lock.h.
#include "core/queue_lock.h"

#include <algorithm>
#include <thread>

#include "core/queue_repair.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kSliceNs = 10'000'000;
constexpr std::int64_t kLeastPatienceNs = 100'000'000;
// Holders are done within some 20 ns, unless they lose their processor. Who finds the lock taken stays
// away from its line for longer than that, so that the holder can go on to its next calls: two that
// take the line from each other for every message get a fifth of what they get in turns.
constexpr int kSpins = 8;
constexpr int kFirstPauses = 16;
constexpr int kMostPauses = 64;
constexpr int kYields = 4;

bool try_take(Queue& queue, std::uint32_t bits) {
  std::uint32_t expected = 0;
  return queue.shm->lock.load(std::memory_order_relaxed) == 0 &&
         queue.shm->lock.compare_exchange_strong(expected, queue.id | bits,
                                                 std::memory_order_acquire,  // M1
                                                 std::memory_order_relaxed);
}

bool spin(Queue& queue) {
  int pauses = kFirstPauses;
  for (int round = 0; round < kSpins; ++round) {
    for (int pause = 0; pause < pauses; ++pause) plat_spin_pause();
    if (try_take(queue, 0)) return true;
    pauses = std::min(pauses * 2, kMostPauses);
  }
  for (int round = 0; round < kYields; ++round) {
    std::this_thread::yield();
    if (try_take(queue, 0)) return true;
  }
  return false;
}

// I2. From a holder that has died: true when this member has it now, and everything is in order.
bool take_over(Queue& queue, std::uint32_t held) {
  const std::uint32_t holder = held & ~kLockContended;
  if (queue_member_lives(queue, holder)) return false;
  if (!queue.shm->lock.compare_exchange_strong(held, queue.id | kLockContended,
                                               std::memory_order_acquire,  // M1
                                               std::memory_order_relaxed)) {
    return false;
  }
  queue_repair(queue, holder);
  return true;
}

}  // namespace

bool queue_member_lives(Queue& queue, std::uint32_t id) {
  if (id == queue.id) return true;  // another thread
  const std::uint32_t role = member_role(id);
  if (role >= kQueueMembers || role == member_role(queue.id)) return false;
  const MemberShm& member = queue.shm->members[role];
  // M4 (pairs with M3): the generation is no older than the lock or slot that names the member; so one
  // that does not match is of a member that ended before its successor came.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint32_t generation = member.generation.load(std::memory_order_relaxed);
  if (generation % kMemberGenerations != member_generation(id)) return false;
  return plat_segment_role_held(queue.segment, role, member.pid.load(std::memory_order_relaxed),
                                member.start_time.load(std::memory_order_relaxed));
}

Status queue_lock_slowly(Queue& queue, const Deadline& deadline) {
  if (spin(queue)) return SMIPC_OK;
  const std::int64_t start_ns = plat_now_ns();
  for (;;) {
    if (try_take(queue, kLockContended)) return SMIPC_OK;  // I3
    std::uint32_t word = queue.shm->lock.load(std::memory_order_relaxed);
    if (word == 0) continue;
    // Relaxed: nothing is read because of it; the word itself is what is slept on.
    if ((word & kLockContended) == 0 &&
        !queue.shm->lock.compare_exchange_weak(word, word | kLockContended,
                                               std::memory_order_relaxed)) {
      continue;
    }
    word |= kLockContended;
    const PlatWake wake = plat_wait(queue.wait_point(QueueWait::kLock, word), kSliceNs);
    if (wake == PlatWake::kTimedOut && take_over(queue, word)) return SMIPC_OK;
    if (queue.gate.closed()) return queue_failure(queue, SMIPC_E_CLOSED);
    const std::int64_t now_ns = plat_now_ns();
    if (now_ns - start_ns >= kLeastPatienceNs &&
        (deadline.tries_only() || deadline.passed(now_ns))) {
      return fail_object_quietly(SMIPC_E_TIMED_OUT, kQueueNoun, queue.title);
    }
    if (wake == PlatWake::kInterrupted && !try_take(queue, kLockContended)) {
      return fail_object_quietly(SMIPC_E_INTERRUPTED, kQueueNoun, queue.title);
    }
    if (wake == PlatWake::kInterrupted) return SMIPC_OK;
  }
}

}  // namespace smipc::detail
