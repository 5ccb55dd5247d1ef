// Named semaphores: smipc/semaphore.h with RAII and exceptions.
//
//   smipc::Semaphore turns("turns", {.initial_value = 1, .existence = smipc::Existence::kLinkOrCreate});
//   const std::scoped_lock turn(turns);
//
// It is a Lockable, and a TimedLockable in all but the absolute times. Handles survive fork.
#ifndef SMIPC_SEMAPHORE_HPP
#define SMIPC_SEMAPHORE_HPP

#include <cstdint>
#include <memory>
#include <string_view>

#include "base.hpp"
#include "existence.hpp"
#include "semaphore.h"

namespace smipc {

struct SemaphoreOptions {
  std::uint32_t initial_value = 1;  // of a new one
  Existence existence = Existence::kRaiseIfNotExists;
  Unlink unlink = Unlink::kIfCreated;
  Access access = Access::kUser;
};

class Semaphore {
 public:
  explicit Semaphore(std::string_view name, const SemaphoreOptions &options = {}) {
    const smipc_object_options raw =
        detail::object_options(options.existence, options.unlink, options.access);
    smipc_semaphore *handle = nullptr;
    std::int32_t created = 0;
    detail::check(smipc_semaphore_open(name.data(), name.size(), options.initial_value, &raw,
                                       &created, &handle));
    handle_.reset(handle);
    created_ = created != 0;
  }

  // Whether this handle made it.
  bool created() const noexcept { return created_; }

  // Takes one. false: the timeout passed.
  [[nodiscard]] bool acquire(Timeout timeout) {
    const Status status = smipc_semaphore_acquire(handle_.get(), timeout.nanoseconds());
    if (status == SMIPC_E_TIMED_OUT) return false;
    detail::check(status);
    return true;
  }
  void acquire() { (void)acquire(forever); }
  [[nodiscard]] bool try_acquire() { return acquire(no_wait); }

  // SMIPC_E_INVALID when the value would become more than SMIPC_MAX_SEMAPHORE.
  void release(std::uint32_t count = 1) {
    detail::check(smipc_semaphore_release(handle_.get(), count));
  }

  std::uint32_t value() const {
    std::uint32_t value = 0;
    detail::check(smipc_semaphore_value(handle_.get(), &value));
    return value;
  }

  // What std::scoped_lock and std::unique_lock call. lock() goes on after signals.
  void lock() {
    Status status;
    do {
      status = smipc_semaphore_acquire(handle_.get(), SMIPC_FOREVER);
    } while (status == SMIPC_E_INTERRUPTED);
    detail::check(status);
  }
  bool try_lock() { return try_acquire(); }
  void unlock() { release(); }

  void close() { detail::check(smipc_semaphore_close(handle_.get())); }

  // Removes the name, if it is still this semaphore's: else SMIPC_E_NOT_FOUND.
  void unlink() { detail::check(smipc_semaphore_unlink_own(handle_.get())); }
  static void unlink(std::string_view name) {
    detail::check(smipc_semaphore_unlink(name.data(), name.size()));
  }

 private:
  struct Free {
    void operator()(smipc_semaphore *handle) const noexcept { smipc_semaphore_free(handle); }
  };
  std::unique_ptr<smipc_semaphore, Free> handle_;
  bool created_ = false;
};

}  // namespace smipc

#endif
