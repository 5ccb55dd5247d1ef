// See interrupt.h.
//
// The system starts a thread for each Ctrl-C that calls all handlers, the last added first, until one
// of them says that it has dealt with it. Ours says never. It gives the sleepers a handle of that
// thread: when the thread has ended, the other handlers have run, and a program that looks at a flag
// that its handler sets will find it set.
#include "platform/windows/interrupt.h"

#include <atomic>

#include "platform/windows/thread_state.h"

namespace smipc::detail {
namespace {

// A handler that waits for the call that it interrupts must not hold that call up for long.
constexpr DWORD kHandlersMilliseconds = 200;

SRWLOCK g_lock = SRWLOCK_INIT;
Sleeper* g_sleepers = nullptr;

// The event of plat_interrupt_bind and its thread. Relaxed: a sleep that is just beginning may miss
// them, as if it had begun before.
std::atomic<HANDLE> g_bound_event{nullptr};
std::atomic<DWORD> g_bound_thread{0};

thread_local int t_signals_blocked = 0;

void interrupt_sleepers() {
  HANDLE self = nullptr;
  const HANDLE process = ::GetCurrentProcess();
  ::DuplicateHandle(process, ::GetCurrentThread(), process, &self, SYNCHRONIZE, FALSE, 0);
  const auto handlers = std::make_shared<Handle>(self);
  ::AcquireSRWLockExclusive(&g_lock);
  for (Sleeper* sleeper = g_sleepers; sleeper != nullptr; sleeper = sleeper->next) {
    sleeper->handlers = handlers;
    ::SetEvent(sleeper->event.get());
  }
  ::ReleaseSRWLockExclusive(&g_lock);
}

BOOL WINAPI on_console_event(DWORD event) {
  if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) interrupt_sleepers();
  return FALSE;
}

// Taken back when the library is unloaded.
struct ConsoleHandler {
  ConsoleHandler() { ::SetConsoleCtrlHandler(on_console_event, TRUE); }
  ~ConsoleHandler() { ::SetConsoleCtrlHandler(on_console_event, FALSE); }
};

void join_sleepers(Sleeper& sleeper) {
  ::AcquireSRWLockExclusive(&g_lock);
  ::ResetEvent(sleeper.event.get());
  sleeper.handlers.reset();
  sleeper.next = g_sleepers;
  if (g_sleepers != nullptr) g_sleepers->previous = &sleeper;
  g_sleepers = &sleeper;
  ::ReleaseSRWLockExclusive(&g_lock);
}

void leave_sleepers(Sleeper& sleeper) {
  ::AcquireSRWLockExclusive(&g_lock);
  if (sleeper.previous != nullptr) sleeper.previous->next = sleeper.next;
  if (sleeper.next != nullptr) sleeper.next->previous = sleeper.previous;
  if (g_sleepers == &sleeper) g_sleepers = sleeper.next;
  sleeper.previous = nullptr;
  sleeper.next = nullptr;
  ::ReleaseSRWLockExclusive(&g_lock);
}

}  // namespace

InterruptScope::InterruptScope() {
  if (t_signals_blocked != 0) return;
  if (HANDLE bound = g_bound_event.load(std::memory_order_relaxed); bound != nullptr) {
    if (::GetCurrentThreadId() == g_bound_thread.load(std::memory_order_relaxed)) handle_ = bound;
    return;
  }
  static const ConsoleHandler handler;
  ThreadState* state = this_thread_state();
  if (state == nullptr || !state->sleeper.event) return;
  sleeper_ = &state->sleeper;
  handle_ = sleeper_->event.get();
  join_sleepers(*sleeper_);
}

InterruptScope::~InterruptScope() {
  if (sleeper_ != nullptr) leave_sleepers(*sleeper_);
}

void InterruptScope::accept() {
  if (sleeper_ == nullptr) {
    // The program has noted the interrupt before it set the event: it finds out when we return.
    ::ResetEvent(handle_);
    return;
  }
  ::AcquireSRWLockExclusive(&g_lock);
  const std::shared_ptr<Handle> handlers = sleeper_->handlers;
  ::ReleaseSRWLockExclusive(&g_lock);
  if (handlers && *handlers) ::WaitForSingleObject(handlers->get(), kHandlersMilliseconds);
}

PlatResult plat_interrupt_bind(std::uint64_t event, std::uint32_t thread_id) {
  // No event: the thread that slept with it before keeps it until it wakes.
  g_bound_thread.store(thread_id, std::memory_order_relaxed);
  g_bound_event.store(reinterpret_cast<HANDLE>(static_cast<std::uintptr_t>(event)),
                      std::memory_order_relaxed);
  return {};
}

void plat_signals_block(PlatSignalMask*) { ++t_signals_blocked; }

void plat_signals_restore(const PlatSignalMask*) { --t_signals_blocked; }

}  // namespace smipc::detail
