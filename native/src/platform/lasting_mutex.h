// A mutex for static use that is never destroyed: other threads may still run, and lock it, while static
// objects are destroyed. Made by the compiler, or where it cannot (mingw-w64) when the library is
// loaded: there is no guard that a forked child could find locked.
#pragma once

#include <mutex>

namespace smipc::detail {

template <typename Mutex>
union Lasting {
  constexpr Lasting() : mutex() {}
  ~Lasting() {}  // not the mutex: its own destructor does something on macOS

  Mutex mutex;
};

using LastingMutex = Lasting<std::mutex>;

}  // namespace smipc::detail
