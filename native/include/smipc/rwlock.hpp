// Locks between processes: smipc/rwlock.h with RAII and exceptions.
//
//   smipc::RwLock lock("/run/lock/table.lock");
//   const std::scoped_lock editing(lock);  // or std::shared_lock for readers
#ifndef SMIPC_RWLOCK_HPP
#define SMIPC_RWLOCK_HPP

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base.hpp"
#include "rwlock.h"

namespace smipc {

// A SharedLockable. lock() and lock_shared() go on after signals; the members with a timeout end with
// SMIPC_E_INTERRUPTED.
class RwLock {
 public:
  explicit RwLock(std::string_view path, Access access = Access::kUser) {
    smipc_rwlock *handle = nullptr;
    detail::check(
        smipc_rwlock_open(path.data(), path.size(), static_cast<std::uint32_t>(access), &handle));
    handle_.reset(handle);
  }
  RwLock(RwLock &&other) noexcept
      : handle_(std::move(other.handle_)), cut_off_pid_(other.cut_off_pid()) {}
  RwLock &operator=(RwLock &&other) noexcept {
    handle_ = std::move(other.handle_);
    remember(other.cut_off_pid());
    return *this;
  }

  void lock() { lock_for_ever(SMIPC_EXCLUSIVE); }
  void lock_shared() { lock_for_ever(SMIPC_SHARED); }
  [[nodiscard]] bool try_lock(Timeout timeout = no_wait) { return take(SMIPC_EXCLUSIVE, timeout); }
  [[nodiscard]] bool try_lock_shared(Timeout timeout = no_wait) {
    return take(SMIPC_SHARED, timeout);
  }
  void unlock() { detail::check(smipc_rwlock_unlock(handle_.get())); }
  void unlock_shared() { unlock(); }

  // The process that ended while it held the lock exclusively, if nobody has held it so and unlocked it
  // since; otherwise 0. For threads that hold the lock, to whom it was told as they took it; to others it is
  // what any thread was told last.
  std::uint32_t cut_off_pid() const noexcept {
    return cut_off_pid_.load(std::memory_order_relaxed);
  }

  void close() { detail::check(smipc_rwlock_close(handle_.get())); }

 private:
  struct Free {
    void operator()(smipc_rwlock *handle) const noexcept { smipc_rwlock_free(handle); }
  };

  bool take(std::uint32_t mode, Timeout timeout) {
    std::uint32_t pid = 0;
    const Status status = smipc_rwlock_lock(handle_.get(), mode, timeout.nanoseconds(), &pid);
    if (status == SMIPC_E_TIMED_OUT) return false;
    detail::check(status);
    remember(pid);
    return true;
  }

  void lock_for_ever(std::uint32_t mode) {
    std::uint32_t pid = 0;
    Status status;
    do {
      status = smipc_rwlock_lock(handle_.get(), mode, SMIPC_FOREVER, &pid);
    } while (status == SMIPC_E_INTERRUPTED);
    detail::check(status);
    remember(pid);
  }

  // Relaxed: threads that hold it together are told the same pid, as nobody can have held it exclusively
  // in between, and the lock orders them with those before and after.
  void remember(std::uint32_t pid) noexcept { cut_off_pid_.store(pid, std::memory_order_relaxed); }

  std::unique_ptr<smipc_rwlock, Free> handle_;
  std::atomic<std::uint32_t> cut_off_pid_ = 0;
};

}  // namespace smipc

#endif
