// Serialises the callers of one handle, at the price of two plain stores while only one thread
// uses it.
//
// The lock is biased: the first thread that enters becomes the owner and then enters by storing
// `busy`, without an atomic read-modify-write. When another thread comes, the bias is revoked for
// good, and everybody takes the mutex.
//
// I1. Owner: busy = 1, then owner is re-read. Revoker: owner = shared, then plat_barrier_process(),
//     then busy is read. The barrier makes it impossible that both miss the other's store.
// I2. `busy` is stored by the first owner only; after the revocation it can still flicker (a failed
//     attempt), so whoever holds the mutex waits until it reads 0, and is then alone: the owner, on
//     its next attempt, sees `shared` first.
//
// A fork leaves the mutex in any state: handles are marked as forked before anything is locked.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <thread>

#include "core/deadline.h"
#include "platform/platform.h"

namespace smipc::detail {

class OwnerLock {
 public:
  // The common case: true when the calling thread is the owner and is now inside.
  bool enter_as_owner() noexcept {
    const std::uintptr_t self = plat_thread_token();
    // Relaxed: only the thread itself ever stores its own token here.
    if (owner_.load(std::memory_order_relaxed) != self) [[unlikely]]
      return false;
    busy_.store(1, std::memory_order_relaxed);  // O1 (pairs with O2, by plat_barrier_process)
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (owner_.load(std::memory_order_relaxed) == self) [[likely]]
      return true;
    busy_.store(0, std::memory_order_release);
    return false;
  }

  void leave_as_owner() noexcept {
    busy_.store(0, std::memory_order_release);  // O3 (pairs with O4): our work, then busy = 0
  }

  // Everybody else. Waits until the deadline; true: inside, as_owner says how to leave.
  bool enter(const Deadline& deadline, bool* as_owner) {
    if (!take_mutex(deadline)) return false;
    if (owner_.load(std::memory_order_relaxed) == kNobody && plat_barrier_process_available()) {
      owner_.store(plat_thread_token(), std::memory_order_relaxed);
      mutex_.unlock();
      *as_owner = enter_as_owner();
      return *as_owner || enter(deadline, as_owner);  // revoked at once: go round, as a sharer
    }
    *as_owner = false;
    if (owner_.load(std::memory_order_relaxed) != kShared) {
      owner_.store(kShared, std::memory_order_relaxed);
      plat_barrier_process();
    }
    if (wait_for_owner(deadline)) return true;
    mutex_.unlock();
    return false;
  }

  void leave() { mutex_.unlock(); }

  // In a forked child, whose handles are dead: no fast entry from now on.
  void disable() { owner_.store(kShared, std::memory_order_relaxed); }

 private:
  static constexpr std::uintptr_t kNobody = 0;
  static constexpr std::uintptr_t kShared = 1;

  bool take_mutex(const Deadline& deadline) {
    if (mutex_.try_lock()) return true;
    if (deadline.tries_only()) return false;
    return poll_until(deadline, [this] { return mutex_.try_lock(); });
  }

  bool wait_for_owner(const Deadline& deadline) {
    return poll_until(deadline, [this] {
      return busy_.load(std::memory_order_acquire) == 0;  // O2, O4 (pair with O1, O3)
    });
  }

  // Contention is between threads that share one end: rare, and not worth a sleeping protocol.
  template <class Condition>
  static bool poll_until(const Deadline& deadline, Condition done) {
    for (int round = 0;; ++round) {
      if (done()) return true;
      if (deadline.passed(plat_now_ns())) return false;
      if (round < 100) {
        std::this_thread::yield();
      } else {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
    }
  }

  std::atomic<std::uintptr_t> owner_{kNobody};
  std::atomic<std::uint32_t> busy_{0};
  std::mutex mutex_;
};

}  // namespace smipc::detail
