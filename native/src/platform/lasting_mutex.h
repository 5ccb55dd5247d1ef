// A mutex for static use that is never destroyed: other threads may still run, and lock it, while static
// objects are destroyed. Made when the library is loaded, or by the compiler: no guard.
#pragma once

#include <mutex>

namespace smipc::detail {

union LastingMutex {
  constexpr LastingMutex() : mutex() {}
  ~LastingMutex() {}  // not the mutex: its own destructor does something on macOS

  std::mutex mutex;
};

}  // namespace smipc::detail
