// See queue_watch.h.
#include "core/queue_watch.h"

#include <system_error>

#include "core/queue_lock.h"
#include "core/queue_repair.h"
#include "core/queue_wait.h"
#include "core/quiet_thread.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kIdleNs = 3'600'000'000'000;

bool has_message(const Queue& queue) {
  return queue.shm->ready.load(std::memory_order_relaxed) !=
         0;  // decided under the lock, or a hint
}

}  // namespace

Status QueueWatch::start(Queue& queue, std::unique_ptr<QueueWatch>* out) {
  std::unique_ptr<QueueWatch> watch(new QueueWatch(queue));
  PlatResult result = plat_event_fd_create(&watch->fd_);
  if (result) result = plat_bell_create(&watch->bell_);
  if (!result) return queue_failure(queue, result.status, result.detail);
  watch->armed_.store(true, std::memory_order_relaxed);  // before the thread
  try {
    watch->thread_ = start_quiet_thread([raw = watch.get()] { raw->run(); });
  } catch (const std::system_error& error) {
    return queue_failure(queue, SMIPC_E_LIMIT,
                         std::string("cannot start a thread: ") + error.what());
  }
  *out = std::move(watch);
  return SMIPC_OK;
}

QueueWatch::~QueueWatch() {
  if (thread_.joinable()) {
    // Q3 (pairs with Q4): the flag before the ring.
    stopping_.store(true, std::memory_order_seq_cst);
    plat_bell_ring(bell_);
    thread_.join();
  }
  if (bell_ != nullptr) plat_bell_free(bell_);
  if (fd_ >= 0) plat_event_fd_close(fd_);
}

void QueueWatch::arm() {
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    if (!armed_.load(std::memory_order_relaxed)) {
      plat_event_fd_clear(fd_);
      armed_.store(true, std::memory_order_relaxed);
    }
  }
  plat_bell_ring(bell_);
}

// Sleeps until there may be a message, or the bell has rung since `ring` was taken.
void QueueWatch::sleep(const PlatWaitPoint& ring) {
  if (queue_lock(queue_, Deadline(0)) != SMIPC_OK) {
    plat_wait(ring, kQueueSliceNs);
    return;
  }
  AtomicU32& word = queue_.shm->watchers;
  PlatWaitPoint points[] = {queue_.wait_point(QueueWait::kWatchers, 0), ring};
  const bool ready = has_message(queue_);
  if (!ready) {
    points[0].expected = word.load(std::memory_order_relaxed) | kWaiting;
    word.store(points[0].expected, std::memory_order_relaxed);
  }
  queue_unlock(queue_);
  if (ready) return;
  if (plat_wait_many(points, 2, kQueueSliceNs) == PlatWake::kTimedOut) {
    queue_look_for_dead(queue_, false);
  }
}

void QueueWatch::run() {
  for (;;) {
    const PlatWaitPoint ring = plat_bell_point(bell_);
    if (stopping_.load(std::memory_order_seq_cst)) return;  // Q4
    {
      const std::lock_guard<std::mutex> guard(mutex_);
      if (armed_.load(std::memory_order_relaxed) && has_message(queue_)) {
        armed_.store(false, std::memory_order_relaxed);
        plat_event_fd_set(fd_);
      }
    }
    if (armed_.load(std::memory_order_relaxed)) {
      sleep(ring);
    } else {
      plat_wait(ring, kIdleNs);
    }
  }
}

Status queue_watch(Queue& queue, QueueWatch** out) {
  const std::lock_guard<std::mutex> guard(queue.watch_mutex);
  if (queue.gate.closed()) return queue_failure(queue, SMIPC_E_CLOSED);  // it would outlive that
  if (!queue.watch) {
    const Status status = QueueWatch::start(queue, &queue.watch);
    if (status != SMIPC_OK) return status;
  }
  *out = queue.watch.get();
  return SMIPC_OK;
}

void queue_follow(Queue& queue) {
  if (has_message(queue)) return;
  const std::lock_guard<std::mutex> guard(queue.watch_mutex);
  if (queue.watch) queue.watch->arm();
}

}  // namespace smipc::detail
