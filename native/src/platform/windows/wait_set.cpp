// See wait_set.h.
//
// Timeouts of the wait functions end at a clock tick, which is up to 15.6 ms late. Short ones are
// therefore given to a timer, a high-resolution one where the OS has it (Windows 10 1803).
#include "platform/windows/wait_set.h"

#include <algorithm>

#include "platform/windows/thread_state.h"

#ifndef CREATE_WAITABLE_TIMER_HIGH_RESOLUTION
#define CREATE_WAITABLE_TIMER_HIGH_RESOLUTION 0x00000002
#endif

namespace smipc::detail {
namespace {

constexpr std::int64_t kPreciseBelowNs = 50'000'000;
constexpr std::int64_t kMostNs = 3'600'000'000'000;  // what callers sleep again after

Handle create_timer() {
  const DWORD rights = SYNCHRONIZE | TIMER_MODIFY_STATE;
  Handle timer(
      ::CreateWaitableTimerExW(nullptr, nullptr, CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, rights));
  return timer ? std::move(timer) : Handle(::CreateWaitableTimerExW(nullptr, nullptr, 0, rights));
}

// One per thread; nullptr: there is none to be had.
HANDLE timer_set_to(std::int64_t timeout_ns) {
  ThreadState* state = this_thread_state();
  if (state == nullptr) return nullptr;
  if (!state->timer) state->timer = create_timer();
  const HANDLE timer = state->timer.get();
  LARGE_INTEGER due;
  due.QuadPart = -std::max<std::int64_t>(timeout_ns / 100, 1);  // relative, in 100 ns
  if (timer == nullptr) return nullptr;
  return ::SetWaitableTimer(timer, &due, 0, nullptr, nullptr, FALSE) ? timer : nullptr;
}

DWORD milliseconds(std::int64_t ns) { return static_cast<DWORD>((ns + 999'999) / 1'000'000); }

}  // namespace

void WaitSet::add_interrupt(InterruptScope* interrupt) {
  if (interrupt->handle() == nullptr) return;
  interrupt_ = interrupt;
  interrupt_at_ = count_;
  handles_[count_++] = interrupt->handle();
}

void WaitSet::add_process(std::shared_ptr<const ProcessWatch::Process> process) {
  if (count_ + 1 >= kMost) return;  // the last place is the timer's
  handles_[count_++] = process->handle.get();
  processes_.push_back(std::move(process));
}

PlatWake WaitSet::wait(std::int64_t timeout_ns, std::size_t* event_index) {
  timeout_ns = std::min(timeout_ns, kMostNs);
  const DWORD events =
      interrupt_ != nullptr ? interrupt_at_ : count_ - static_cast<DWORD>(processes_.size());
  const DWORD before_timer = count_;
  DWORD timeout_ms = milliseconds(timeout_ns);
  if (timeout_ns > 0 && timeout_ns < kPreciseBelowNs) {
    if (HANDLE timer = timer_set_to(timeout_ns); timer != nullptr) {
      handles_[count_++] = timer;
      timeout_ms = INFINITE;
    }
  }
  const DWORD result = ::WaitForMultipleObjects(count_, handles_, FALSE, timeout_ms);
  if (result == WAIT_FAILED) {
    ::Sleep(1);  // what should not happen must not become a busy loop
    return PlatWake::kTimedOut;
  }
  const DWORD index = result - WAIT_OBJECT_0;
  if (result == WAIT_TIMEOUT || index >= before_timer) return PlatWake::kTimedOut;
  if (index < events) {
    *event_index = index;
    return PlatWake::kWoken;
  }
  if (index != interrupt_at_) return PlatWake::kPeerEnded;
  interrupt_->accept();
  return PlatWake::kInterrupted;
}

}  // namespace smipc::detail
