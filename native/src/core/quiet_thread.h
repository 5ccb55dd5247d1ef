// Threads of the library's own: they never run the application's signal handlers.
#pragma once

#include <thread>
#include <utility>

#include "platform/platform.h"

namespace smipc::detail {

// Throws std::system_error when the OS has no more threads.
template <class Function>
std::thread start_quiet_thread(Function function) {
  PlatSignalMask before;
  plat_signals_block(&before);
  try {
    std::thread thread([function = std::move(function)]() mutable {
      PlatSignalMask own;
      plat_signals_block(&own);
      function();
    });
    plat_signals_restore(&before);
    return thread;
  } catch (...) {
    plat_signals_restore(&before);
    throw;
  }
}

}  // namespace smipc::detail
