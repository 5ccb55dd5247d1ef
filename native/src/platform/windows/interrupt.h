// Ctrl-C while a thread sleeps.
//
// A program that has its own event for it (Python) binds that event to one of its threads. For others
// a console handler notes Ctrl-C and Ctrl-Break for every thread that sleeps just then, and passes
// them on to the handlers that the program has, or to the system, which ends the process.
// The library's own threads are never interrupted.
#pragma once

#include "platform/windows/windows_api.h"

namespace smipc::detail {

struct Sleeper;

// Around a sleep of the calling thread.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  // Signalled: interrupted. None: this thread is never interrupted.
  HANDLE handle() const { return handle_; }

  // When a wait has ended with the handle: the program's own handlers have run when it returns.
  void accept();

 private:
  HANDLE handle_ = nullptr;
  Sleeper* sleeper_ = nullptr;  // none: the handle is the program's own
};

}  // namespace smipc::detail
