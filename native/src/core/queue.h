// A handle to a message queue, for any number of threads of one process.
//
// 1. The segment is used only inside the gate, and let go only when the gate is shut and nobody is
//    inside. A handle is one member of the queue: it holds one role, and is one name in the lock.
// 2. What comes from shared memory is read once into a local and checked against the private copy of
//    the shape; what cannot be is SMIPC_E_CORRUPT.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/biased_gate.h"
#include "core/deadline.h"
#include "core/large_copy.h"
#include "core/named_object.h"
#include "core/open_handles.h"
#include "core/pace.h"
#include "core/queue_layout.h"
#include "core/slot_table.h"
#include "core/spin_history.h"

namespace smipc::detail {

inline constexpr char kQueueNoun[] = "message queue";

// Where the parts of a segment are.
struct QueueShape {
  std::uint64_t max_message_size = 0;
  std::uint64_t slot_bytes = 0;
  std::uint32_t max_messages = 0;
  std::uint64_t run_offset = 0;
  std::uint64_t free_offset = 0;
  std::uint64_t heap_offset = 0;
  std::uint64_t slots_offset = 0;
  std::uint64_t total_bytes = 0;
};
QueueShape queue_plan(std::uint32_t max_messages, std::uint64_t max_message_size);

// Who of a queue sleeps where: the wait points of its segment (platform.h).
enum class QueueWait : std::uint32_t { kReceivers = 0, kSenders = 1, kWatchers = 2, kLock = 3 };

class QueueWatch;

struct Queue {
  std::string name;   // without the slash
  std::string title;  // with it, for texts
  std::uint32_t forks = 0;
  std::uint32_t directions = 0;
  BiasedGate gate;

  QueueShm* shm = nullptr;
  QueueShape shape;
  std::uint32_t id = 0;  // member_id
  AtomicU32* run = nullptr;
  AtomicU32* free_slots = nullptr;
  HeapEntryShm* heap = nullptr;
  std::byte* slots = nullptr;

  SpinHistory spins[2];         // of receivers and senders
  Pace paces[2];                // guarded by pacing
  std::uint64_t moved[2] = {};  // messages received and sent by this handle; under `lock`
  std::atomic<bool> pacing[2] = {};
  SharedCopyChoice copy_choice;               // of what is sent
  std::atomic<std::int64_t> last_look_ns{0};  // for the dead

  // Slots that calls of this handle have left in hand (I5 of queue_transfer.cpp).
  std::mutex left_mutex;
  std::vector<std::uint32_t> left;  // guarded by left_mutex
  std::atomic<bool> has_left{false};

  PlatSegment* segment = nullptr;
  std::uint64_t nonce = 0;
  bool unlinks = false;
  bool created = false;
  std::mutex watch_mutex;
  std::unique_ptr<QueueWatch> watch;               // guarded by watch_mutex
  std::atomic<bool> followed{false};               // its descriptor follows what is there
  std::atomic<std::uint32_t> bound_slot{kNoSlot};  // smipc_message_queue_bind, ...
  std::atomic<void*> bound_area{nullptr};          // ... and what its fetches fill

  Queue();
  ~Queue();

  MemberShm& self() const { return shm->members[member_role(id)]; }
  SlotShm& slot(std::uint32_t index) const {
    return *reinterpret_cast<SlotShm*>(slots + index * shape.slot_bytes);
  }
  std::byte* payload(std::uint32_t index) const {
    return slots + index * shape.slot_bytes + sizeof(SlotShm);
  }
  AtomicU32& wait_word(QueueWait who) const {
    switch (who) {
      case QueueWait::kReceivers:
        return shm->receivers;
      case QueueWait::kSenders:
        return shm->senders;
      case QueueWait::kWatchers:
        return shm->watchers;
      case QueueWait::kLock:
        break;
    }
    return shm->lock;
  }
  PlatWaitPoint wait_point(QueueWait who, std::uint32_t expected) const {
    PlatWaitPoint point;
    point.segment = segment;
    point.role = static_cast<std::uint32_t>(who);
    point.word = &wait_word(who);
    point.expected = expected;
    return point;
  }
};

Status queue_failure(const Queue& queue, Status status, std::string_view text = {});
Status queue_corrupt(const Queue& queue, const char* what, std::uint64_t value);

// queue_open.cpp
struct QueueRequest {
  std::string name;
  std::uint32_t max_messages = 0;
  std::uint64_t max_message_size = 0;
  std::uint32_t directions = 0;
  smipc_object_options options = {};
};
Status queue_open(const QueueRequest& request, smipc_message_queue** out);
Status queue_close(Queue& queue);
Status queue_unlink(std::string_view name);
Status queue_unlink_own(Queue& queue);
Status queues_clean_stale(std::size_t* out_removed);

// queue_transfer.cpp; all inside the gate.
Status queue_send(Queue& queue, const void* data, std::uint64_t size, std::uint32_t priority,
                  const Deadline& deadline);
struct Received {
  std::uint64_t size = 0;  // also of one that is too large for the buffer
  std::uint32_t priority = 0;
};
Status queue_receive(Queue& queue, void* buffer, std::uint64_t room, const Deadline& deadline,
                     Received* out);
Status queue_status(Queue& queue, smipc_message_queue_status* out);

}  // namespace smipc::detail

// The opaque type of smipc.h.
struct smipc_message_queue : smipc::detail::Queue {
  smipc::detail::OpenHandle listed;
};
