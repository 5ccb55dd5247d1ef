// What a thread that sleeps keeps from one sleep to the next. Freed by the OS's own callback at the
// thread's end: with MinGW, destructors of thread_local objects run when their memory is gone already.
#pragma once

#include <memory>

#include "platform/windows/windows_api.h"

namespace smipc::detail {

// A thread that sleeps and may be interrupted; in the list of interrupt.cpp, whose lock guards it.
struct Sleeper {
  Handle event{::CreateEventW(nullptr, FALSE, FALSE, nullptr)};
  std::shared_ptr<Handle> handlers;  // the thread that runs the program's handlers
  Sleeper* previous = nullptr;
  Sleeper* next = nullptr;
};

struct ThreadState {
  Sleeper sleeper;
  Handle timer;  // wait_set.cpp's
};

// Of the calling thread; nullptr: the OS has no room for one, do without.
ThreadState* this_thread_state();

}  // namespace smipc::detail
