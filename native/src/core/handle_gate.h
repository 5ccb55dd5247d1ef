// Counts the calls inside a handle that any number of threads use at once, so that closing it can
// refuse new ones and wait for those inside.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform/platform.h"

namespace smipc::detail {

class HandleGate {
 public:
  // false: closed. Otherwise the caller is inside until leave().
  bool enter() {
    // H1 (pairs with H2): what close() did before is seen by whoever finds the gate closed; a caller
    // who does not is counted before close() looks.
    if ((word_.fetch_add(1, std::memory_order_acquire) & kClosed) == 0) [[likely]]
      return true;
    leave();
    return false;
  }

  // H3 (pairs with H4): what the caller did with the object is done before its count goes.
  void leave() { word_.fetch_sub(1, std::memory_order_release); }

  // Relaxed: a hint for those inside, who will not find the object gone.
  bool closed() const { return (word_.load(std::memory_order_relaxed) & kClosed) != 0; }

  // false: somebody else has closed it. H2 (pairs with H1).
  bool close() { return (word_.fetch_or(kClosed, std::memory_order_acq_rel) & kClosed) == 0; }

  // H4 (pairs with H3): what those who have left did is done.
  bool empty() const { return (word_.load(std::memory_order_acquire) & ~kClosed) == 0; }

 private:
  static constexpr std::uint32_t kClosed = 1u << 31;
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace smipc::detail
