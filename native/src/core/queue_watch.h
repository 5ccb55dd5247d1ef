// The descriptor of a message queue: a thread that sleeps as a watcher, and on its own bell, and makes
// the descriptor readable when there is a message. Started when it is first asked for.
#pragma once

#include <atomic>
#include <thread>

#include "core/queue.h"

namespace smipc::detail {

class QueueWatch {
 public:
  // On failure the error is recorded.
  static Status start(Queue& queue, std::unique_ptr<QueueWatch>* out);
  ~QueueWatch();  // no more use of the queue when it returns

  std::int32_t fd() const { return fd_; }

  // The descriptor stops being readable, and becomes so again when there is a message.
  void arm();

 private:
  explicit QueueWatch(Queue& queue) : queue_(queue) {}
  void run();
  void sleep(const PlatWaitPoint& ring);

  Queue& queue_;
  PlatBell* bell_ = nullptr;
  std::int32_t fd_ = -1;
  std::atomic<bool> armed_{false};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;  // armed_ and the descriptor change together
  std::thread thread_;
};

// The watch of the handle, started if need be.
Status queue_watch(Queue& queue, QueueWatch** out);

// After a call that may have left the queue empty: the descriptor follows.
void queue_follow(Queue& queue);

}  // namespace smipc::detail
