// Serialises calls that are short and never sleep: a few nanoseconds when nobody else is inside.
#pragma once

#include <atomic>
#include <thread>

namespace smipc::detail {

class CallLock {
 public:
  void lock() {
    // K1 (pairs with K2): what the last holder did.
    while (taken_.exchange(true, std::memory_order_acquire)) {
      // Relaxed: only a hint when to try again.
      while (taken_.load(std::memory_order_relaxed)) std::this_thread::yield();
    }
  }
  void unlock() { taken_.store(false, std::memory_order_release); }  // K2 (pairs with K1)

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace smipc::detail
