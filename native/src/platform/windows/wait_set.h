// What one sleep waits for: up to 64 handles of the OS, and a time.
#pragma once

#include <vector>

#include "platform/windows/interrupt.h"
#include "platform/windows/segment.h"

namespace smipc::detail {

class WaitSet {
 public:
  // In this order; at most kWaitManyMax events.
  void add_event(HANDLE event) { handles_[count_++] = event; }
  void add_interrupt(InterruptScope* interrupt);
  // Left out when the set is full: the caller asks about its process after every slice.
  void add_process(std::shared_ptr<const ProcessWatch::Process> process);

  // Sleeps. kWoken: *event_index is the event's, counted as they were added.
  PlatWake wait(std::int64_t timeout_ns, std::size_t* event_index);

 private:
  static constexpr DWORD kMost = MAXIMUM_WAIT_OBJECTS;
  static_assert(kWaitManyMax + 2 <= kMost, "the events, the interrupt and the timer");

  HANDLE handles_[kMost];
  DWORD count_ = 0;
  DWORD interrupt_at_ = kMost;
  InterruptScope* interrupt_ = nullptr;
  std::vector<std::shared_ptr<const ProcessWatch::Process>> processes_;  // keeps their handles
};

}  // namespace smipc::detail
