// The exported functions of message queues.
#include <cstring>

#include "api/guard.h"
#include "core/fork_count.h"
#include "core/queue.h"
#include "core/queue_wait.h"
#include "core/queue_watch.h"
#include "core/slot_table.h"

using namespace smipc::detail;

namespace {

constexpr std::int64_t kBindingSliceNs = 200'000'000;
static_assert(SMIPC_QUEUE_AREA_SIZE >> SMIPC_QUEUE_SIZE_BITS == 0);

Status no_queue() { return fail(SMIPC_E_INVALID, {}, "the message queue's handle is NULL"); }

Status invalid(const std::string& name, const std::string& text) {
  return fail_object(SMIPC_E_INVALID, kQueueNoun, "/" + name, text);
}

// Inside the gate until destruction.
class Inside {
 public:
  explicit Inside(Queue& queue) : queue_(queue), is_in_(queue.gate.enter()) {}
  ~Inside() {
    if (is_in_) queue_.gate.leave();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  explicit operator bool() const { return is_in_; }

 private:
  Queue& queue_;
  bool is_in_;
};

// Runs `call` on an open handle of this process.
template <class Call>
Status with_queue(smipc_message_queue* queue, Call call) noexcept {
  return guarded([&]() -> Status {
    if (queue == nullptr) return no_queue();
    if (queue->forks != fork_count()) return queue_failure(*queue, SMIPC_E_FORKED);
    const Inside inside(*queue);
    if (!inside) return queue_failure(*queue, SMIPC_E_CLOSED);
    return call();
  });
}

Status check_call(const Queue& queue, std::uint32_t direction, std::int64_t timeout_ns) {
  if ((queue.directions & direction) == 0) {
    return queue_failure(queue, SMIPC_E_PERMISSION,
                         direction == SMIPC_QUEUE_SEND ? "this handle was opened to receive only"
                                                       : "this handle was opened to send only");
  }
  if (timeout_ns < kForever) {
    return invalid(queue.name,
                   "a timeout of " + std::to_string(timeout_ns) + " ns; -1 waits for ever");
  }
  return SMIPC_OK;
}

Status send(Queue& queue, const void* data, std::size_t size, std::uint32_t priority,
            std::int64_t timeout_ns) {
  const Status status = check_call(queue, SMIPC_QUEUE_SEND, timeout_ns);
  if (status != SMIPC_OK) return status;
  if (data == nullptr && size > 0) return invalid(queue.name, "data is NULL");
  if (size > queue.shape.max_message_size) {
    return invalid(queue.name, "a message of " + std::to_string(size) + " bytes; it takes up to " +
                                   std::to_string(queue.shape.max_message_size));
  }
  return queue_send(queue, data, size, priority, Deadline(timeout_ns));
}

Status open_queue(const void* name, size_t name_size, QueueRequest* request,
                  const smipc_object_options* options, int32_t* out_created,
                  smipc_message_queue** out) {
  Status status = read_object_name(kQueueNoun, name, name_size, &request->name);
  if (status != SMIPC_OK) return status;
  status = read_object_options(kQueueNoun, request->name, options, &request->options);
  if (status != SMIPC_OK) return status;
  if (request->max_messages < 1 || request->max_messages > SMIPC_MAX_QUEUE_MESSAGES) {
    return invalid(request->name, "max_messages must be 1 to " +
                                      std::to_string(SMIPC_MAX_QUEUE_MESSAGES) + ", not " +
                                      std::to_string(request->max_messages));
  }
  if (request->max_message_size < 1 || request->max_message_size > SMIPC_MAX_QUEUE_MESSAGE_SIZE) {
    return invalid(request->name, "max_message_size must be 1 to " +
                                      std::to_string(SMIPC_MAX_QUEUE_MESSAGE_SIZE) + ", not " +
                                      std::to_string(request->max_message_size));
  }
  if (request->directions < 1 || request->directions > 3) {
    return invalid(request->name, "directions is " + std::to_string(request->directions));
  }
  smipc_message_queue* queue = nullptr;
  status = queue_open(*request, &queue);
  if (status != SMIPC_OK) return status;
  queue->listed.enlist<smipc_message_queue_close>(queue);
  if (out_created != nullptr) *out_created = queue->created ? 1 : 0;
  *out = queue;
  return SMIPC_OK;
}

Status follow(Queue& queue, std::int32_t* out) {
  QueueWatch* watch = nullptr;
  const Status status = queue_watch(queue, &watch);
  if (status != SMIPC_OK) return status;
  queue.followed.store(true, std::memory_order_relaxed);  // for calls that come after this one
  *out = watch->fd();
  return SMIPC_OK;
}

bool has_message(Queue& queue, void*) {
  return queue.shm->ready.load(std::memory_order_relaxed) != 0;  // the lock orders it
}

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_message_queue_open(const void* name, size_t name_size,
                                                uint32_t max_messages, uint64_t max_message_size,
                                                uint32_t directions,
                                                const smipc_object_options* options,
                                                int32_t* out_created, smipc_message_queue** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    QueueRequest request;
    request.max_messages = max_messages;
    request.max_message_size = max_message_size;
    request.directions = directions;
    return open_queue(name, name_size, &request, options, out_created, out);
  });
}

SMIPC_API smipc_status smipc_message_queue_send(smipc_message_queue* queue, const void* data,
                                                size_t size, uint32_t priority,
                                                int64_t timeout_ns) {
  return with_queue(queue, [&] { return send(*queue, data, size, priority, timeout_ns); });
}

SMIPC_API smipc_status smipc_message_queue_try_send(smipc_message_queue* queue, const void* data,
                                                    size_t size) {
  return with_queue(queue, [&] { return send(*queue, data, size, 0, 0); });
}

SMIPC_API smipc_status smipc_message_queue_receive(smipc_message_queue* queue, void* buffer,
                                                   size_t buffer_size, int64_t timeout_ns,
                                                   size_t* out_size, uint32_t* out_priority) {
  return with_queue(queue, [&]() -> Status {
    const Status checked = check_call(*queue, SMIPC_QUEUE_RECEIVE, timeout_ns);
    if (checked != SMIPC_OK) return checked;
    if (out_size == nullptr || (buffer == nullptr && buffer_size > 0)) {
      return invalid(queue->name, "buffer or out_size is NULL");
    }
    Received received;
    const Status status =
        queue_receive(*queue, buffer, buffer_size, Deadline(timeout_ns), &received);
    if (status != SMIPC_OK && status != SMIPC_E_BUFFER_TOO_SMALL) return status;
    *out_size = static_cast<size_t>(received.size);
    if (out_priority != nullptr) *out_priority = received.priority;
    return status;
  });
}

SMIPC_API int64_t smipc_message_queue_fetch(smipc_message_queue* queue, void* area,
                                            int64_t timeout_ns) {
  Received received;
  const Status status = with_queue(queue, [&]() -> Status {
    const Status checked = check_call(*queue, SMIPC_QUEUE_RECEIVE, timeout_ns);
    if (checked != SMIPC_OK) return checked;
    if (area == nullptr) return invalid(queue->name, "area is NULL");
    return queue_receive(*queue, area, SMIPC_QUEUE_AREA_SIZE, Deadline(timeout_ns), &received);
  });
  if (status == SMIPC_E_BUFFER_TOO_SMALL) std::memcpy(area, &received.size, sizeof received.size);
  if (status != SMIPC_OK) return status;
  const auto priority = static_cast<std::int64_t>(received.priority);
  return (priority << SMIPC_QUEUE_SIZE_BITS) + static_cast<std::int64_t>(received.size);
}

SMIPC_API int64_t smipc_message_queue_fetch_wait(smipc_message_queue* queue, void* area) {
  return smipc_message_queue_fetch(queue, area, kBindingSliceNs);
}

SMIPC_API smipc_status smipc_message_queue_wait(smipc_message_queue* queue, int64_t timeout_ns) {
  return with_queue(queue, [&]() -> Status {
    const Status checked = check_call(*queue, queue->directions, timeout_ns);
    if (checked != SMIPC_OK) return checked;
    return queue_wait_until(*queue, Deadline(timeout_ns), has_message, nullptr);
  });
}

SMIPC_API smipc_status smipc_message_queue_wait_arrival(smipc_message_queue* queue,
                                                        int64_t timeout_ns,
                                                        uint32_t* inout_arrivals) {
  return with_queue(queue, [&]() -> Status {
    const Status checked = check_call(*queue, queue->directions, timeout_ns);
    if (checked != SMIPC_OK) return checked;
    if (inout_arrivals == nullptr) return invalid(queue->name, "inout_arrivals is NULL");
    const auto has_arrived = [](Queue& each, void* known) {
      auto* arrivals = static_cast<uint32_t*>(known);
      return each.shm->arrivals.load(std::memory_order_relaxed) != *arrivals;  // under the lock
    };
    const Status status =
        queue_wait_until(*queue, Deadline(timeout_ns), has_arrived, inout_arrivals);
    // Another one may have come since: the caller is told of it together with this one.
    if (status == SMIPC_OK) *inout_arrivals = queue->shm->arrivals.load(std::memory_order_relaxed);
    return status;
  });
}

SMIPC_API smipc_status smipc_message_queue_fd(smipc_message_queue* queue, int32_t* out_fd) {
  return with_queue(queue, [&]() -> Status {
    if (out_fd == nullptr) return invalid(queue->name, "out_fd is NULL");
    if (!kEventIsDescriptor) {
      return queue_failure(*queue, SMIPC_E_UNSUPPORTED,
                           "there are no descriptors here; smipc_message_queue_event gives an "
                           "event");
    }
    return follow(*queue, out_fd);
  });
}

SMIPC_API smipc_status smipc_message_queue_event(smipc_message_queue* queue, uint64_t* out_event) {
  return with_queue(queue, [&]() -> Status {
    if (out_event == nullptr) return invalid(queue->name, "out_event is NULL");
    if (kEventIsDescriptor) {
      return queue_failure(*queue, SMIPC_E_UNSUPPORTED,
                           "there are no events here; smipc_message_queue_fd gives a descriptor");
    }
    int32_t event = 0;
    const Status status = follow(*queue, &event);
    *out_event = static_cast<uint32_t>(event);
    return status;
  });
}

SMIPC_API smipc_status smipc_message_queue_fd_arm(smipc_message_queue* queue, uint32_t spins) {
  return with_queue(queue, [&]() -> Status {
    for (uint32_t spin = 0;; ++spin) {
      if (has_message(*queue, nullptr)) return SMIPC_OK;
      if (spin >= spins) break;
      plat_spin_pause();
    }
    QueueWatch* watch = nullptr;
    const Status status = queue_watch(*queue, &watch);
    if (status != SMIPC_OK) return status;
    queue->followed.store(false, std::memory_order_relaxed);  // armed again when it is waited for
    watch->arm();
    return fail_object_quietly(SMIPC_E_TIMED_OUT, kQueueNoun, queue->title);
  });
}

SMIPC_API smipc_status smipc_message_queue_get_status(smipc_message_queue* queue,
                                                      smipc_message_queue_status* out) {
  return with_queue(queue, [&]() -> Status {
    if (out == nullptr) return invalid(queue->name, "out is NULL");
    if (out->struct_size < sizeof out->struct_size || out->struct_size > 4096) {
      return invalid(queue->name, "out->struct_size is " + std::to_string(out->struct_size));
    }
    return queue_status(*queue, out);
  });
}

SMIPC_API smipc_status smipc_message_queue_close(smipc_message_queue* queue) {
  return guarded([&]() -> Status {
    if (queue == nullptr) return no_queue();
    if (queue->forks != fork_count()) return queue_failure(*queue, SMIPC_E_FORKED);
    return queue_close(*queue);
  });
}

SMIPC_API smipc_status smipc_message_queue_unlink_own(smipc_message_queue* queue) {
  return guarded([&]() -> Status {
    if (queue == nullptr) return no_queue();
    if (queue->forks != fork_count()) return queue_failure(*queue, SMIPC_E_FORKED);
    return queue_unlink_own(*queue);
  });
}

SMIPC_API void smipc_message_queue_free(smipc_message_queue* queue) {
  // A parent's handle is leaked: its locks may be in any state, and its segment is not mapped here.
  if (queue == nullptr || queue->forks != fork_count()) return;
  queue->listed.remove();
  if (queue->unlinks) smipc_message_queue_unlink_own(queue);
  smipc_message_queue_close(queue);
  SlotTable<smipc_message_queue>::release(*queue);
  plat_segment_free(queue->segment);
  delete queue;
}

SMIPC_API smipc_status smipc_message_queue_unlink(const void* name, size_t name_size) {
  return guarded([&]() -> Status {
    std::string text;
    const Status status = read_object_name(kQueueNoun, name, name_size, &text);
    return status == SMIPC_OK ? queue_unlink(text) : status;
  });
}

}  // extern "C"
