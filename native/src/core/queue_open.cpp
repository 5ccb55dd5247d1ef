// Opening, closing and unlinking message queues, inside the setup section of the name (platform.h).
//
// I1. The creator stores `magic` last: a segment without it is nobody's, and is started over.
// I2. A handle holds a role of its own, one of kQueueMembers, and is known by its name before it takes the
//     lock: who holds the lock under a name that nobody knows is taken for dead. Then it gives back what
//     the last one of that role was killed with in hand, which nobody else can tell from its own. The
//     lock is taken for that in any case: with it, nobody is just counting what is in hand.
// I3. Removing the name keeps the file where members can ask about each other.
#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

#include "core/channel.h"
#include "core/fork_count.h"
#include "core/queue.h"
#include "core/queue_lock.h"
#include "core/queue_repair.h"
#include "core/queue_wait.h"
#include "core/queue_watch.h"
#include "core/segment_setup.h"

namespace smipc::detail {
namespace {

static_assert(kQueueMembers == kCrowdRoles);
static_assert(kQueueMembers == SMIPC_MAX_QUEUE_HANDLES);
static_assert(kQueueMostMessages == SMIPC_MAX_QUEUE_MESSAGES);
static_assert(kQueueMostBytes == SMIPC_MAX_QUEUE_MESSAGE_SIZE);

constexpr std::uint64_t kLineBytes = 64;

struct Image {
  alignas(QueueShm) std::byte bytes[sizeof(QueueShm)] = {};
  const QueueShm& shm() const { return *reinterpret_cast<const QueueShm*>(bytes); }
};

PlatSegmentName segment_name(std::string_view name) { return {name, kKindMessageQueue}; }

Status fail_request(const QueueRequest& request, Status status, const std::string& text) {
  return fail_object(status, kQueueNoun, "/" + request.name, text);
}

bool shape_is_sane(const QueueShm& shm) {
  if (shm.max_messages < 1 || shm.max_messages > kQueueMostMessages) return false;
  if (shm.max_message_size < 1 || shm.max_message_size > kQueueMostBytes) return false;
  const QueueShape plan = queue_plan(shm.max_messages, shm.max_message_size);
  return shm.slot_bytes == plan.slot_bytes && shm.run_offset == plan.run_offset &&
         shm.free_offset == plan.free_offset && shm.heap_offset == plan.heap_offset &&
         shm.slots_offset == plan.slots_offset && shm.header.total_bytes >= plan.total_bytes &&
         shm.header.total_bytes <= round_up(plan.total_bytes, plat_ring_granularity());
}

void fill(QueueShm* shm, const QueueRequest& request, const QueueShape& shape,
          std::uint64_t nonce) {
  SegmentHeaderShm& header = shm->header;
  fill_segment_header(&header, segment_name(request.name), request.options.access, nonce);
  header.total_bytes = round_up(shape.total_bytes, plat_ring_granularity());
  header.ring_offset = header.total_bytes;
  header.capacity_bytes = std::uint64_t{shape.max_messages} * shape.max_message_size;
  header.limit_bytes = header.capacity_bytes;
  header.framing = SMIPC_MESSAGE;
  header.lifetime = SMIPC_LIFETIME_KERNEL;
  shm->max_message_size = shape.max_message_size;
  shm->slot_bytes = shape.slot_bytes;
  shm->max_messages = shape.max_messages;
  shm->run_offset = shape.run_offset;
  shm->free_offset = shape.free_offset;
  shm->heap_offset = shape.heap_offset;
  shm->slots_offset = shape.slots_offset;
}

// A role that nobody holds; kNoRole: there is none.
std::uint32_t free_role(const Setup& setup, const QueueShm& shm) {
  const auto held = [&](std::uint32_t role) {
    const MemberShm& member = shm.members[role];
    return plat_setup_role_held(setup.setup, role, member.pid.load(std::memory_order_relaxed),
                                member.start_time.load(std::memory_order_relaxed));
  };
  for (const bool closed : {true, false}) {  // those that have closed first: they are quickly found
    for (std::uint32_t role = 0; role < kQueueMembers; ++role) {
      const bool is_closed = shm.members[role].pid.load(std::memory_order_relaxed) == 0;
      if (is_closed == closed && !held(role)) return role;
    }
  }
  return kNoRole;
}

Status map(const QueueRequest& request, const Setup& setup, const QueueShm& shm,
           const QueueShape& shape, Queue* queue) {
  const std::uint32_t role = free_role(setup, shm);
  if (role == kNoRole) {
    return fail_request(request, SMIPC_E_LIMIT,
                        "it is open " + std::to_string(kQueueMembers) + " times already");
  }
  PlatMapping mapping;
  const SegmentHeaderShm& header = shm.header;
  const PlatResult result = plat_segment_map(setup.setup, role, header.total_bytes, 0, header.nonce,
                                             &queue->segment, &mapping);
  if (!result) return fail_request(request, result.status, result.detail);
  queue->shm = reinterpret_cast<QueueShm*>(mapping.header);
  queue->shape = shape;
  queue->nonce = header.nonce;
  queue->id = member_id(role, 0);  // until join
  queue->run = reinterpret_cast<AtomicU32*>(mapping.header + shape.run_offset);
  queue->free_slots = reinterpret_cast<AtomicU32*>(mapping.header + shape.free_offset);
  queue->heap = reinterpret_cast<HeapEntryShm*>(mapping.header + shape.heap_offset);
  queue->slots = mapping.header + shape.slots_offset;
  // Its pages are still to come. (A queue that is mostly empty uses few of them, and waits longer than it had to.)
  queue->copy_choice.set(CopyChoice(shape.total_bytes));
  return SMIPC_OK;
}

// I2.
Status join(Queue* queue) {
  const std::uint32_t role = member_role(queue->id);
  MemberShm& member = queue->shm->members[role];
  const std::uint32_t generation = member.generation.load(std::memory_order_relaxed) + 1;
  member.pid.store(plat_process_id(), std::memory_order_relaxed);
  member.start_time.store(plat_process_start_time(), std::memory_order_relaxed);
  member.generation.store(generation, std::memory_order_relaxed);
  // M3 (pairs with M4): the generation before every lock and slot that names it.
  std::atomic_thread_fence(std::memory_order_release);
  queue->id = member_id(role, generation);
  const Status status = queue_lock(*queue, Deadline(kSetupTimeoutNs));
  if (status != SMIPC_OK) {
    member.pid.store(0, std::memory_order_relaxed);
    return status;
  }
  if (member.in_hand.load(std::memory_order_relaxed) != 0) queue_reclaim(*queue, role);
  queue_unlock(*queue);
  return SMIPC_OK;
}

Status create(const QueueRequest& request, Setup& setup, Queue* queue) {
  const QueueShape shape = queue_plan(request.max_messages, request.max_message_size);
  const auto plan = std::make_unique<QueueShm>();
  const std::uint64_t nonce = plat_random_u64();
  fill(plan.get(), request, shape, nonce);
  PlatResult result;
  if (plat_setup_size(setup.setup) != 0) {
    result = plat_setup_renew(setup.setup, request.options.access);
  }
  if (result) {
    result = plat_setup_allocate(setup.setup, plan->header.total_bytes, SMIPC_LIFETIME_PROCESS);
  }
  if (!result) return fail_request(request, result.status, result.detail);
  const Status status = map(request, setup, *plan, shape, queue);
  if (status != SMIPC_OK) {
    plat_setup_remove(setup.setup, false, nonce);
    return status;
  }
  auto* shm = new (queue->shm) QueueShm{};
  fill(shm, request, shape, nonce);
  shm->free_count.store(shape.max_messages, std::memory_order_relaxed);  // published with `magic`
  for (std::uint32_t i = 0; i < shape.max_messages; ++i) {
    queue->free_slots[i].store(shape.max_messages - 1 - i, std::memory_order_relaxed);
  }
  queue->created = true;
  // Before the magic, so that a creator that is killed right after it leaves nothing for ever.
  const bool goes = request.options.unlink != SMIPC_UNLINK_NEVER;
  shm->goes_with_owner.store(goes ? 1 : 0, std::memory_order_relaxed);
  const Status joined = join(queue);
  // I1. Release: everything before the magic, as for channels.
  if (joined == SMIPC_OK) shm->header.magic.store(kSegmentMagic, std::memory_order_release);
  return joined;
}

Status attach(const QueueRequest& request, const Setup& setup, const QueueShm& shm, Queue* queue) {
  if (!shape_is_sane(shm)) {
    return fail_request(request, SMIPC_E_CORRUPT, "its segment's header has impossible sizes");
  }
  const std::string shown = "/" + request.name;
  const Status named = check_segment_name({kQueueNoun, shown}, request.name, shm.header);
  if (named != SMIPC_OK) return named;
  const QueueShape shape = queue_plan(shm.max_messages, shm.max_message_size);
  const Status status = map(request, setup, shm, shape, queue);
  if (status != SMIPC_OK) return status;
  const Status joined = join(queue);
  if (joined != SMIPC_OK) {
    plat_segment_release(queue->segment);
    plat_segment_free(queue->segment);
    queue->segment = nullptr;
  }
  return joined;
}

// Removes the name of what is there, in the section.
Status remove_name(const Setup& setup, std::string_view name) {
  SegmentHeaderShm header = {};
  plat_setup_read(setup.setup, &header, sizeof header);
  const bool in_use = plat_setup_any_role_held(setup.setup);
  const PlatResult result = plat_setup_remove(setup.setup, in_use, header.nonce);  // I3
  return object_status(kQueueNoun, std::string(name), result);
}

// Whether there is one of that name, which may be another user's.
bool exists(const QueueRequest& request) {
  Setup setup;
  return plat_setup_enter(segment_name(request.name), false, request.options.access,
                          kSetupTimeoutNs, &setup.setup)
             .status != SMIPC_E_NOT_FOUND;
}

// *again: somebody else was faster, or what was there has been removed.
Status open_once(const QueueRequest& request, Queue* queue, bool* again) {
  const std::uint32_t existence = request.options.existence;
  const bool may_create = existence != SMIPC_RAISE_IF_NOT_EXISTS;
  Setup setup;
  const PlatResult entered =
      plat_setup_enter(segment_name(request.name), may_create, request.options.access,
                       kSetupTimeoutNs, &setup.setup);
  if (entered.status == SMIPC_E_NOT_FOUND) {
    return fail_request(request, SMIPC_E_NOT_FOUND, "it does not exist");
  }
  if (entered.status == SMIPC_E_PERMISSION && existence == SMIPC_RAISE_IF_EXISTS &&
      exists(request)) {
    return fail_request(request, SMIPC_E_EXISTS, "it exists already, and is another user's");
  }
  if (!entered) return fail_request(request, entered.status, entered.detail);
  const auto image = std::make_unique<Image>();
  const std::string shown = "/" + request.name;
  bool fresh = false;
  const Status status = inspect_segment({kQueueNoun, shown}, kKindMessageQueue, setup.setup,
                                        image->bytes, sizeof image->bytes, &fresh);
  if (existence == SMIPC_UNLINK_AND_CREATE && !fresh) {
    *again = true;
    return remove_name(setup, request.name);
  }
  if (status != SMIPC_OK) return status;
  if (fresh && !may_create) return fail_request(request, SMIPC_E_NOT_FOUND, "it does not exist");
  if (!fresh && existence == SMIPC_RAISE_IF_EXISTS) {
    return fail_request(request, SMIPC_E_EXISTS, "it exists already");
  }
  if (!fresh) return attach(request, setup, image->shm(), queue);
  const Status created = create(request, setup, queue);
  *again = created == SMIPC_E_EXISTS;  // of renewing: another process was faster
  return created;
}

bool goes_with_owner(std::byte* head, std::size_t size) {
  if (size < offsetof(QueueShm, members)) return true;  // never completed
  std::uint64_t magic = 0;  // copied: `head` is not aligned as a segment is
  std::uint32_t goes = 0;
  std::memcpy(&magic, head + offsetof(SegmentHeaderShm, magic), sizeof magic);
  std::memcpy(&goes, head + offsetof(QueueShm, goes_with_owner), sizeof goes);
  return magic == 0 || goes != 0;
}

}  // namespace

Queue::Queue() = default;
Queue::~Queue() = default;

Status queue_failure(const Queue& queue, Status status, std::string_view text) {
  return fail_object(status, kQueueNoun, queue.title, text);
}

Status queue_corrupt(const Queue& queue, const char* what, std::uint64_t value) {
  return queue_failure(queue, SMIPC_E_CORRUPT, std::string(what) + " " + std::to_string(value));
}

QueueShape queue_plan(std::uint32_t max_messages, std::uint64_t max_message_size) {
  QueueShape shape;
  shape.max_messages = max_messages;
  shape.max_message_size = max_message_size;
  shape.slot_bytes = round_up(sizeof(SlotShm) + max_message_size, kLineBytes);
  const std::uint64_t indices =
      round_up(sizeof(AtomicU32) * std::uint64_t{max_messages}, kCacheLine);
  shape.run_offset = sizeof(QueueShm);
  shape.free_offset = shape.run_offset + indices;
  shape.heap_offset = shape.free_offset + indices;
  shape.slots_offset =
      round_up(shape.heap_offset + sizeof(HeapEntryShm) * std::uint64_t{max_messages}, kCacheLine);
  shape.total_bytes = shape.slots_offset + shape.slot_bytes * max_messages;
  return shape;
}

Status queue_open(const QueueRequest& request, smipc_message_queue** out) {
  auto queue = std::make_unique<smipc_message_queue>();
  queue->name = request.name;
  queue->title = "/" + request.name;
  queue->directions = request.directions;
  queue->forks = fork_count();
  bool again = true;
  Status status = SMIPC_OK;
  for (int attempt = 0; again && attempt < kSetupAttempts; ++attempt) {
    again = false;
    status = open_once(request, queue.get(), &again);
    if (status != SMIPC_OK && !again) return status;
  }
  if (again) {
    return fail_request(request, SMIPC_E_EXISTS, "others create it all the time");
  }
  const std::uint32_t unlink = request.options.unlink;
  queue->unlinks =
      unlink == SMIPC_UNLINK_ALWAYS || (unlink == SMIPC_UNLINK_IF_CREATED && queue->created);
  if (queue->unlinks) queue->shm->goes_with_owner.store(1, std::memory_order_relaxed);
  *out = queue.release();
  return SMIPC_OK;
}

Status queue_close(Queue& queue) {
  if (!queue.gate.close()) return SMIPC_OK;
  {
    const std::lock_guard<std::mutex> guard(queue.watch_mutex);
    queue.watch.reset();
  }
  while (!queue.gate.empty()) {
    queue_kick(queue);
    plat_pause(1'000'000);
  }
  // What those calls have left in hand, if the lock is to be had; else it is given back by others.
  if (queue.has_left.load(std::memory_order_relaxed) &&
      queue_lock(queue, Deadline(0)) == SMIPC_OK) {
    queue_unlock(queue);
  }
  queue.self().pid.store(0, std::memory_order_relaxed);
  plat_segment_release(queue.segment);
  return SMIPC_OK;
}

Status queue_unlink(std::string_view name) {
  Setup setup;
  const PlatResult result =
      plat_setup_enter(segment_name(name), false, SMIPC_ACCESS_USER, kSetupTimeoutNs, &setup.setup);
  if (!result) return object_status(kQueueNoun, std::string(name), result);
  return remove_name(setup, name);
}

Status queue_unlink_own(Queue& queue) {
  Setup setup;
  const PlatResult result = plat_setup_enter(segment_name(queue.name), false, SMIPC_ACCESS_ALL,
                                             kSetupTimeoutNs, &setup.setup);
  if (!result && result.status != SMIPC_E_NOT_FOUND) {
    return object_status(kQueueNoun, queue.name, result);
  }
  SegmentHeaderShm header = {};
  if (!result || !plat_setup_read(setup.setup, &header, sizeof header) ||
      header.nonce != queue.nonce) {
    return queue_failure(queue, SMIPC_E_NOT_FOUND, "the name is gone, or another queue's by now");
  }
  return remove_name(setup, queue.name);
}

Status queues_clean_stale(std::size_t* out_removed) {
  const PlatResult result = plat_segments_sweep(kKindMessageQueue, offsetof(QueueShm, members),
                                                goes_with_owner, out_removed);
  return result ? SMIPC_OK : fail(result.status, {}, result.detail);
}

}  // namespace smipc::detail
