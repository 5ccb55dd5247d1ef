// See queue_index.h. All loads and stores are relaxed: the lock orders them.
#include "core/queue_index.h"

namespace smipc::detail {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

struct Entry {
  std::uint64_t sequence;
  std::uint32_t priority;
  std::uint32_t slot;
  bool before(const Entry& other) const {
    return priority != other.priority ? priority > other.priority : sequence < other.sequence;
  }
};

Entry load_entry(const Queue& queue, std::uint32_t at) {
  const HeapEntryShm& entry = queue.heap[at];
  return {entry.sequence.load(kRelaxed), entry.priority.load(kRelaxed), entry.slot.load(kRelaxed)};
}

void store_entry(Queue& queue, std::uint32_t at, const Entry& entry) {
  queue.heap[at].sequence.store(entry.sequence, kRelaxed);
  queue.heap[at].priority.store(entry.priority, kRelaxed);
  queue.heap[at].slot.store(entry.slot, kRelaxed);
}

// Moves down from `at` in a heap of `count`, until `entry` fits.
void sift_down(Queue& queue, std::uint32_t at, std::uint32_t count, const Entry& entry) {
  for (std::uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
    Entry best = load_entry(queue, child);
    if (child + 1 < count) {
      const Entry right = load_entry(queue, child + 1);
      if (right.before(best)) {
        best = right;
        ++child;
      }
    }
    if (!best.before(entry)) break;
    store_entry(queue, at, best);
    at = child;
  }
  store_entry(queue, at, entry);
}

bool remove_root(Queue& queue) {
  const std::uint32_t count = queue.shm->heap_count.load(kRelaxed);
  if (count == 0 || count > queue.shape.max_messages) return false;
  queue.shm->heap_count.store(count - 1, kRelaxed);
  if (count > 1) sift_down(queue, 0, count - 1, load_entry(queue, count - 1));
  return true;
}

}  // namespace

bool index_take_free(Queue& queue, std::uint32_t* slot) {
  const std::uint32_t count = queue.shm->free_count.load(kRelaxed);
  if (count == 0 || count > queue.shape.max_messages) return false;
  *slot = queue.free_slots[count - 1].load(kRelaxed);
  queue.shm->free_count.store(count - 1, kRelaxed);
  return *slot < queue.shape.max_messages;
}

bool index_give_free(Queue& queue, std::uint32_t slot) {
  const std::uint32_t count = queue.shm->free_count.load(kRelaxed);
  if (count >= queue.shape.max_messages) return false;
  queue.free_slots[count].store(slot, kRelaxed);
  queue.shm->free_count.store(count + 1, kRelaxed);
  return true;
}

bool index_append(Queue& queue, std::uint32_t slot, std::uint32_t priority,
                  std::uint64_t sequence) {
  QueueShm& shm = *queue.shm;
  const std::uint32_t most = queue.shape.max_messages;
  const std::uint32_t count = shm.run_count.load(kRelaxed);
  const std::uint32_t head = shm.run_head.load(kRelaxed);
  if (count >= most || head >= most) return false;
  if (count == 0) {
    shm.run_priority.store(priority, kRelaxed);
  } else if (shm.run_priority.load(kRelaxed) != priority) {
    return index_insert(queue, slot, priority, sequence);
  }
  const std::uint32_t at = head < most - count ? head + count : head + count - most;
  queue.run[at].store(slot, kRelaxed);
  shm.run_count.store(count + 1, kRelaxed);
  return true;
}

bool index_insert(Queue& queue, std::uint32_t slot, std::uint32_t priority,
                  std::uint64_t sequence) {
  std::uint32_t at = queue.shm->heap_count.load(kRelaxed);
  if (at >= queue.shape.max_messages) return false;
  queue.shm->heap_count.store(at + 1, kRelaxed);
  const Entry entry = {sequence, priority, slot};
  while (at > 0) {
    const std::uint32_t parent = (at - 1) / 2;
    const Entry above = load_entry(queue, parent);
    if (!entry.before(above)) break;
    store_entry(queue, at, above);
    at = parent;
  }
  store_entry(queue, at, entry);
  return true;
}

bool index_first(const Queue& queue, IndexedMessage* out) {
  const QueueShm& shm = *queue.shm;
  const std::uint32_t most = queue.shape.max_messages;
  const std::uint32_t head = shm.run_head.load(kRelaxed);
  const bool has_run = shm.run_count.load(kRelaxed) != 0;
  const bool has_heap = shm.heap_count.load(kRelaxed) != 0;
  if (has_run) {
    if (head >= most) return false;
    *out = {queue.run[head].load(kRelaxed), true};
    if (out->slot >= most) return false;
    if (!has_heap) return true;
  }
  if (!has_heap) return false;
  const Entry root = load_entry(queue, 0);
  if (root.slot >= most) return false;
  if (has_run) {
    const SlotShm& slot = queue.slot(out->slot);
    const Entry first = {slot.sequence.load(kRelaxed), shm.run_priority.load(kRelaxed), out->slot};
    if (first.before(root)) return true;
  }
  *out = {root.slot, false};
  return true;
}

bool index_remove_first(Queue& queue, const IndexedMessage& first) {
  if (!first.in_run) return remove_root(queue);
  QueueShm& shm = *queue.shm;
  const std::uint32_t head = shm.run_head.load(kRelaxed);
  const std::uint32_t count = shm.run_count.load(kRelaxed);
  if (count == 0) return false;
  shm.run_head.store(head + 1 < queue.shape.max_messages ? head + 1 : 0, kRelaxed);
  shm.run_count.store(count - 1, kRelaxed);
  return true;
}

}  // namespace smipc::detail
