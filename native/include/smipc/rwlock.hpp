// Locks between processes: smipc/rwlock.h with RAII and exceptions.
//
//   smipc::RwLock lock("/run/lock/table.lock");
//   const std::scoped_lock editing(lock);  // or std::shared_lock for readers
#ifndef SMIPC_RWLOCK_HPP
#define SMIPC_RWLOCK_HPP

#include <cstdint>
#include <memory>
#include <string_view>

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

  void lock() { lock_for_ever(SMIPC_EXCLUSIVE); }
  void lock_shared() { lock_for_ever(SMIPC_SHARED); }
  [[nodiscard]] bool try_lock(Timeout timeout = no_wait) { return take(SMIPC_EXCLUSIVE, timeout); }
  [[nodiscard]] bool try_lock_shared(Timeout timeout = no_wait) {
    return take(SMIPC_SHARED, timeout);
  }
  void unlock() { detail::check(smipc_rwlock_unlock(handle_.get())); }
  void unlock_shared() { unlock(); }

  // The process that ended while it held the lock exclusively, if nobody has held it so and unlocked it
  // since; otherwise 0. As of the last time it was locked.
  std::uint32_t cut_off_pid() const noexcept { return cut_off_pid_; }

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
    cut_off_pid_ = pid;
    return true;
  }

  void lock_for_ever(std::uint32_t mode) {
    std::uint32_t pid = 0;
    Status status;
    do {
      status = smipc_rwlock_lock(handle_.get(), mode, SMIPC_FOREVER, &pid);
    } while (status == SMIPC_E_INTERRUPTED);
    detail::check(status);
    cut_off_pid_ = pid;
  }

  std::unique_ptr<smipc_rwlock, Free> handle_;
  std::uint32_t cut_off_pid_ = 0;
};

}  // namespace smipc

#endif
