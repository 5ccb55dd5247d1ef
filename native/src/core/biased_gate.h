// A HandleGate that costs the first thread which comes two plain stores a call, and every other one
// what HandleGate costs: for calls that are not much longer than an atomic exchange.
//
// I1. The owner: inside = 1, then `closed` is read. The closer: closed = true, then
//     plat_barrier_process(), then `inside` is read. The barrier makes it impossible that both miss the
//     other's store.
// I2. `inside` is stored by the owner only. A signal handler that calls from within a call of the owner
//     leaves it as it found it.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/handle_gate.h"
#include "platform/platform.h"

namespace smipc::detail {

class BiasedGate {
 public:
  // false: closed. Otherwise the caller is inside until leave(), from the same thread.
  bool enter() {
    // Relaxed: only the thread itself ever stores its own token here.
    if (owner_.load(std::memory_order_relaxed) != plat_thread_token()) [[unlikely]]
      return enter_as_other();
    const std::uint32_t inside = inside_.load(std::memory_order_relaxed);
    inside_.store(inside + 1, std::memory_order_relaxed);  // Y1 (pairs with Y2, by the barrier)
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (!closed_.load(std::memory_order_relaxed)) [[likely]]
      return true;
    leave_as_owner();
    return false;
  }

  void leave() {
    if (owner_.load(std::memory_order_relaxed) == plat_thread_token()) [[likely]] {
      leave_as_owner();
    } else {
      others_.leave();
    }
  }

  // Relaxed: a hint for those inside, who will not find the object gone.
  bool closed() const { return closed_.load(std::memory_order_relaxed); }

  // false: somebody else has closed it.
  bool close() {
    if (!others_.close()) return false;
    closed_.store(true, std::memory_order_relaxed);
    plat_barrier_process();
    return true;
  }

  // After close.
  bool empty() const {
    // The others first: one of them may be on its way to be the owner.
    return others_.empty() && inside_.load(std::memory_order_acquire) == 0;  // Y2, Y4
  }

 private:
  void leave_as_owner() {
    // Y3 (pairs with Y4): what the caller did with the object is done before its count goes.
    inside_.store(inside_.load(std::memory_order_relaxed) - 1, std::memory_order_release);
  }

  bool enter_as_other() {
    if (!others_.enter()) return false;
    std::uintptr_t nobody = 0;
    // From its next call on. The gate cannot be closing unnoticed: this call is inside.
    if (owner_.load(std::memory_order_relaxed) == 0 && plat_barrier_process_available() &&
        owner_.compare_exchange_strong(nobody, plat_thread_token(), std::memory_order_relaxed)) {
      inside_.store(1, std::memory_order_relaxed);
      others_.leave();
    }
    return true;
  }

  std::atomic<std::uintptr_t> owner_{0};
  std::atomic<std::uint32_t> inside_{0};
  std::atomic<bool> closed_{false};
  HandleGate others_;
};

}  // namespace smipc::detail
