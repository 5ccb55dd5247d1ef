// Sending and receiving: see docs/design/message-queue.md.
//
// I1. The word of a slot is stored last, and says by itself whether there is a message. Killed before
//     that store nothing has happened; killed after it, everything that counts has.
// I2. A small message is copied with the lock held. A large one is not: the slot is in hand meanwhile
//     (kWriting, kTaken), which costs the lock a second time, and nobody else any time.
// I3. The slot of a taken message keeps its priority and sequence until it is written again, so that
//     it comes again at its place if its receiver is killed.
// I4. A message gets its sequence when it is committed.
// I5. Who cannot have the lock again after a copy leaves the slot in hand, and gives up. The handle's
//     next call that has the lock gives it back: what was being written is not there, what was taken is
//     ready again. If there is no such call, others do it when the handle is closed, or its process dead.
#include <algorithm>
#include <cstring>

#include "core/copy.h"
#include "core/queue.h"
#include "core/queue_index.h"
#include "core/queue_lock.h"
#include "core/queue_repair.h"
#include "core/queue_wait.h"
#include "core/queue_watch.h"

namespace smipc::detail {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::uint64_t kCopiedInside = 2048;
static_assert(kCopiedInside >= kLargeCopy);

Status give_up(Queue& queue, const char* what, std::uint64_t value) {
  queue_unlock(queue);
  return queue_corrupt(queue, what, value);
}

void count_in_hand(Queue& queue, std::int32_t change) {
  for (AtomicU32* count : {&queue.self().in_hand, &queue.shm->in_hand}) {
    count->store(count->load(kRelaxed) + static_cast<std::uint32_t>(change), kRelaxed);
  }
}

// Slots come from the cache of another processor, and the exchange that gives the lock back waits for
// every store before it: so those that come next are fetched ahead, as far as bursts usually go.
constexpr std::uint32_t kAhead = 6;
constexpr std::size_t kLine = 64;

void fetch_ahead(const Queue& queue, std::uint32_t index) {
  if (index >= queue.shape.max_messages) return;
  const auto* slot = reinterpret_cast<const std::byte*>(&queue.slot(index));
  plat_prefetch_to_write(slot);
  plat_prefetch_to_write(slot + kLine);
}

void fetch_free_ahead(const Queue& queue) {
  const std::uint32_t count = queue.shm->free_count.load(kRelaxed);
  if (count > kAhead && count <= queue.shape.max_messages) {
    fetch_ahead(queue, queue.free_slots[count - kAhead].load(kRelaxed));
  }
}

void fetch_message_ahead(const Queue& queue) {
  const std::uint32_t most = queue.shape.max_messages;
  const std::uint32_t head = queue.shm->run_head.load(kRelaxed);
  if (queue.shm->run_count.load(kRelaxed) <= kAhead || head >= most) return;
  const std::uint32_t at = head + kAhead < most ? head + kAhead : head + kAhead - most;
  if (at < most) fetch_ahead(queue, queue.run[at].load(kRelaxed));
}

// With the lock: the slot is this member's now, and nobody else's until it is killed.
void take_in_hand(Queue& queue, SlotShm& slot, SlotState state) {
  count_in_hand(queue, 1);
  slot.word.store(slot_word(state, queue.id), std::memory_order_release);
}

// Takes the lock again, after a copy without it.
Status come_back(Queue& queue, std::uint32_t index, const Deadline& deadline) {
  const Status status = queue_lock(queue, deadline);
  if (status == SMIPC_OK) {
    count_in_hand(queue, -1);
    return status;
  }
  const std::lock_guard<std::mutex> guard(queue.left_mutex);  // I5
  queue.left.push_back(index);
  queue.has_left.store(true, kRelaxed);
  return status;
}

// Copies into a free slot, and returns with the lock; or without it, and gives up.
Status fill(Queue& queue, std::uint32_t index, const void* data, std::uint64_t size,
            const Deadline& deadline) {
  if (size <= kCopiedInside) {
    copy_bytes<IntoRing>(queue.payload(index), data, static_cast<std::size_t>(size));
    return SMIPC_OK;
  }
  take_in_hand(queue, queue.slot(index), SlotState::kWriting);
  queue_unlock(queue);
  queue.copy_choice.copy_large(queue.payload(index), static_cast<const std::byte*>(data),
                               static_cast<std::size_t>(size));
  return come_back(queue, index, deadline);
}

// With the lock: the slot becomes a message.
bool commit(Queue& queue, std::uint32_t index, std::uint64_t size, std::uint32_t priority) {
  QueueShm& shm = *queue.shm;
  SlotShm& slot = queue.slot(index);
  const std::uint64_t sequence = shm.next_sequence.load(kRelaxed);
  slot.priority.store(priority, kRelaxed);
  slot.sequence.store(sequence, kRelaxed);
  slot.size.store(size, kRelaxed);
  shm.next_sequence.store(sequence + 1, kRelaxed);
  if (!index_append(queue, index, priority, sequence)) return false;
  // Z1 (pairs with Z2): the message before the word that says that it is one.
  slot.word.store(slot_word(SlotState::kReady), std::memory_order_release);
  queue_count_ready(queue);
  return true;
}

// With the lock, which it gives back: there is a free slot.
Status send_now(Queue& queue, const void* data, std::uint64_t size, std::uint32_t priority,
                const Deadline& deadline, const QueueWaiter& waiter) {
  std::uint32_t index = 0;
  if (!index_take_free(queue, &index)) {
    return give_up(queue, "its list of free slots has", queue.shm->free_count.load(kRelaxed));
  }
  fetch_free_ahead(queue);
  const Status status = fill(queue, index, data, size, deadline);
  if (status != SMIPC_OK) return status;
  if (!commit(queue, index, size, priority)) {
    return give_up(queue, "its list of messages has", queue.shm->run_count.load(kRelaxed));
  }
  QueueWakes wakes;
  wakes.add(queue, QueueWait::kReceivers);
  wakes.add(queue, QueueWait::kWatchers);
  waiter.leave(&wakes);
  ++queue.moved[1];
  queue_unlock(queue);
  wakes.wake(queue);
  return SMIPC_OK;
}

// Copies out of the first message, which is no longer in the index, and returns as fill does.
Status empty(Queue& queue, std::uint32_t index, void* buffer, std::uint64_t size,
             const Deadline& deadline) {
  if (size <= kCopiedInside) {
    copy_bytes<OutOfRing>(buffer, queue.payload(index), static_cast<std::size_t>(size));
    return SMIPC_OK;
  }
  take_in_hand(queue, queue.slot(index), SlotState::kTaken);
  queue_unlock(queue);
  copy_bytes<OutOfRing>(buffer, queue.payload(index), static_cast<std::size_t>(size));
  return come_back(queue, index, deadline);
}

// With the lock, which it gives back: there is a message.
Status receive_now(Queue& queue, void* buffer, std::uint64_t room, const Deadline& deadline,
                   const QueueWaiter& waiter, Received* out) {
  QueueShm& shm = *queue.shm;
  IndexedMessage first;
  const std::uint32_t ready = shm.ready.load(kRelaxed);
  if (!index_first(queue, &first)) return give_up(queue, "its list of messages has", ready);
  SlotShm& slot = queue.slot(first.slot);
  out->size = slot.size.load(kRelaxed);
  out->priority = slot.priority.load(kRelaxed);
  if (out->size > queue.shape.max_message_size) {
    return give_up(queue, "a message in it has a size of", out->size);
  }
  QueueWakes wakes;
  if (out->size > room) {
    waiter.leave(&wakes);
    queue_unlock(queue);
    wakes.wake(queue);
    return queue_failure(queue, SMIPC_E_BUFFER_TOO_SMALL,
                         "the message has " + std::to_string(out->size) + " bytes, the buffer " +
                             std::to_string(room));
  }
  if (!index_remove_first(queue, first)) return give_up(queue, "its heap has", ready);
  fetch_message_ahead(queue);
  shm.ready.store(ready - 1, kRelaxed);
  const Status status = empty(queue, first.slot, buffer, out->size, deadline);
  if (status != SMIPC_OK) return status;
  // Z1, too: what was copied has been read before the slot is somebody else's.
  slot.word.store(slot_word(SlotState::kFree), std::memory_order_release);
  if (!index_give_free(queue, first.slot)) return give_up(queue, "too many free slots", ready);
  wakes.add(queue, QueueWait::kSenders);
  waiter.leave(&wakes);
  ++queue.moved[0];
  queue_unlock(queue);
  wakes.wake(queue);
  return SMIPC_OK;
}

}  // namespace

Status queue_send(Queue& queue, const void* data, std::uint64_t size, std::uint32_t priority,
                  const Deadline& deadline) {
  QueueWaiter waiter(queue, QueueWait::kSenders, deadline);
  for (;;) {
    Status status = queue_lock(queue, deadline);
    if (status != SMIPC_OK) return status;
    waiter.look();
    if (queue.shm->free_count.load(kRelaxed) != 0) [[likely]] {
      return send_now(queue, data, size, priority, deadline, waiter);
    }
    status = waiter.wait();
    if (status != SMIPC_OK) return status;
  }
}

Status queue_receive(Queue& queue, void* buffer, std::uint64_t room, const Deadline& deadline,
                     Received* out) {
  if (queue.shm->in_hand.load(kRelaxed) != 0) [[unlikely]]
    queue_look_for_dead(queue, false);  // what they had in hand may be what comes next
  QueueWaiter waiter(queue, QueueWait::kReceivers, deadline);
  for (;;) {
    Status status = queue_lock(queue, deadline);
    if (status != SMIPC_OK) return status;
    waiter.look();
    if (queue.shm->ready.load(kRelaxed) != 0) [[likely]] {
      status = receive_now(queue, buffer, room, deadline, waiter, out);
      if (queue.followed.load(kRelaxed)) [[unlikely]]
        queue_follow(queue);
      return status;
    }
    status = waiter.wait();
    if (status == SMIPC_OK) continue;
    if (queue.followed.load(kRelaxed)) queue_follow(queue);  // others may have emptied it
    return status;
  }
}

Status queue_status(Queue& queue, smipc_message_queue_status* out) {
  smipc_message_queue_status status = {};
  const QueueShm& shm = *queue.shm;
  status.struct_size = static_cast<std::uint32_t>(sizeof status);
  status.directions = queue.directions;
  status.max_message_size = queue.shape.max_message_size;
  status.max_messages = queue.shape.max_messages;
  status.current_messages = shm.ready.load(kRelaxed);
  status.in_hand = shm.in_hand.load(kRelaxed);
  for (const MemberShm& member : shm.members) status.handles += member.pid.load(kRelaxed) != 0;
  status.repairs = shm.repairs.load(kRelaxed);
  status.memory_bytes = queue.shape.total_bytes;
  const std::uint32_t size = std::min(out->struct_size, status.struct_size);
  status.struct_size = size;
  std::memcpy(out, &status, size);
  return SMIPC_OK;
}

}  // namespace smipc::detail
