// See queue_repair.h. Stores of slot words are release (Z1 in queue_transfer.cpp), all else is relaxed:
// the lock orders it.
#include "core/queue_repair.h"

#include <algorithm>

#include "core/queue_index.h"
#include "core/queue_lock.h"
#include "core/queue_wait.h"

namespace smipc::detail {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::int64_t kBetweenLooksNs = 67'000'000;

struct Counts {
  std::uint32_t ready = 0;
  std::uint32_t in_hand = 0;
  std::uint64_t newest = 0;
};

// Whether the member can be known to have ended without asking the OS.
bool has_successor(const Queue& queue, std::uint32_t id) {
  const std::uint32_t role = member_role(id);
  if (role >= kQueueMembers) return true;
  const std::uint32_t generation = queue.shm->members[role].generation.load(kRelaxed);
  return generation % kMemberGenerations != member_generation(id);
}

// What a slot in the hands of somebody who has ended becomes.
SlotState given_up(SlotState state) {
  return state == SlotState::kTaken ? SlotState::kReady : SlotState::kFree;
}

// Puts one slot into the index, which is being built. One that no honest member wrote is free.
void index_slot(Queue& queue, std::uint32_t index, std::uint32_t dead, Counts* counts) {
  SlotShm& slot = queue.slot(index);
  const std::uint32_t word = slot.word.load(std::memory_order_acquire);  // Z2 (pairs with Z1)
  SlotState state = slot_state(word);
  if (state == SlotState::kWriting || state == SlotState::kTaken) {
    const std::uint32_t owner = slot_member(word);
    if (owner != dead && !has_successor(queue, owner)) {
      AtomicU32& in_hand = queue.shm->members[member_role(owner)].in_hand;
      in_hand.store(in_hand.load(kRelaxed) + 1, kRelaxed);
      ++counts->in_hand;
      return;
    }
    state = given_up(state);
  }
  if (slot.size.load(kRelaxed) > queue.shape.max_message_size) state = SlotState::kFree;
  slot.word.store(slot_word(state), std::memory_order_release);  // Z1
  if (state == SlotState::kFree) {
    index_give_free(queue, index);
    return;
  }
  const std::uint64_t sequence = slot.sequence.load(kRelaxed);
  counts->newest = std::max(counts->newest, sequence);
  index_insert(queue, index, slot.priority.load(kRelaxed), sequence);
  ++counts->ready;
}

// Somebody may be asleep, and whoever was to wake them is dead.
void wake_all_sides(Queue& queue) {
  QueueWakes wakes;
  for (const QueueWait who : {QueueWait::kReceivers, QueueWait::kSenders, QueueWait::kWatchers}) {
    wakes.add(queue, who);
  }
  wakes.wake(queue);
}

// kWriting or kTaken if whoever has had the role has it in hand, else kFree.
SlotState in_hand_of(const Queue& queue, std::uint32_t index, std::uint32_t role) {
  const std::uint32_t word = queue.slot(index).word.load(std::memory_order_acquire);  // Z2
  const SlotState state = slot_state(word);
  if (state != SlotState::kWriting && state != SlotState::kTaken) return SlotState::kFree;
  return member_role(slot_member(word)) == role ? state : SlotState::kFree;
}

// A slot in the hands of somebody who will not go on is free, or ready again.
void give_up(Queue& queue, std::uint32_t index, SlotState state) {
  SlotShm& slot = queue.slot(index);
  slot.word.store(slot_word(given_up(state)), std::memory_order_release);  // Z1
  if (state == SlotState::kWriting) {
    index_give_free(queue, index);
  } else {
    queue_count_ready(queue);
    index_insert(queue, index, slot.priority.load(kRelaxed), slot.sequence.load(kRelaxed));
  }
}

// Up to `in_hand` slots of whoever has had the role.
std::uint32_t reclaim_slots(Queue& queue, std::uint32_t role, std::uint32_t in_hand) {
  std::uint32_t found = 0;
  for (std::uint32_t index = 0; index < queue.shape.max_messages && found < in_hand; ++index) {
    const SlotState state = in_hand_of(queue, index, role);
    if (state == SlotState::kFree) continue;
    ++found;
    give_up(queue, index, state);
  }
  return found;
}

}  // namespace

void queue_settle(Queue& queue) {
  std::vector<std::uint32_t> left;
  {
    const std::lock_guard<std::mutex> guard(queue.left_mutex);
    left.swap(queue.left);
    queue.has_left.store(false, kRelaxed);
  }
  for (const std::uint32_t index : left) {
    const SlotState state = in_hand_of(queue, index, member_role(queue.id));
    if (state == SlotState::kFree) continue;  // no honest member has done that
    give_up(queue, index, state);
    for (AtomicU32* count : {&queue.self().in_hand, &queue.shm->in_hand}) {
      count->store(count->load(kRelaxed) - 1, kRelaxed);
    }
  }
  if (!left.empty()) wake_all_sides(queue);
}

void queue_repair(Queue& queue, std::uint32_t dead) {
  QueueShm& shm = *queue.shm;
  shm.repairs.store(shm.repairs.load(kRelaxed) + 1, kRelaxed);
  shm.free_count.store(0, kRelaxed);
  shm.run_head.store(0, kRelaxed);
  shm.run_count.store(0, kRelaxed);
  shm.heap_count.store(0, kRelaxed);
  for (MemberShm& member : shm.members) member.in_hand.store(0, kRelaxed);
  Counts counts;
  // From the last, so that the first free slots are the first to be used again.
  for (std::uint32_t index = queue.shape.max_messages; index-- > 0;) {
    index_slot(queue, index, dead, &counts);
  }
  shm.in_hand.store(counts.in_hand, kRelaxed);
  shm.next_sequence.store(std::max(shm.next_sequence.load(kRelaxed), counts.newest + 1), kRelaxed);
  if (shm.ready.load(kRelaxed) == 0 && counts.ready > 0) {
    shm.arrivals.store(shm.arrivals.load(kRelaxed) + 1, kRelaxed);
  }
  shm.ready.store(counts.ready, kRelaxed);
  wake_all_sides(queue);
}

void queue_reclaim(Queue& queue, std::uint32_t role) {
  QueueShm& shm = *queue.shm;
  MemberShm& member = shm.members[role];
  const std::uint32_t found = reclaim_slots(queue, role, member.in_hand.load(kRelaxed));
  const std::uint32_t total = shm.in_hand.load(kRelaxed);
  member.in_hand.store(0, kRelaxed);
  shm.in_hand.store(total - std::min(total, found), kRelaxed);
  if (found > 0) wake_all_sides(queue);
}

bool queue_look_for_dead(Queue& queue, bool now) {
  if (queue.shm->in_hand.load(kRelaxed) == 0) return false;
  const std::int64_t time_ns = plat_now_coarse_ns();
  if (!now && time_ns - queue.last_look_ns.load(kRelaxed) < kBetweenLooksNs) return false;
  queue.last_look_ns.store(time_ns, kRelaxed);
  bool reclaimed = false;
  for (std::uint32_t role = 0; role < kQueueMembers; ++role) {
    MemberShm& member = queue.shm->members[role];
    if (member.in_hand.load(kRelaxed) == 0) continue;
    const std::uint32_t id = member_id(role, member.generation.load(kRelaxed));
    if (queue_member_lives(queue, id)) continue;
    if (queue_lock(queue, Deadline(0)) != SMIPC_OK) return reclaimed;
    // A successor that came meanwhile has reclaimed already, and is not to lose what is its own.
    if (id == member_id(role, member.generation.load(kRelaxed)) && !queue_member_lives(queue, id)) {
      queue_reclaim(queue, role);
      reclaimed = true;
    }
    queue_unlock(queue);
  }
  return reclaimed;
}

}  // namespace smipc::detail
