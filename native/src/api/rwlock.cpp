// The exported functions of locks between processes.
#include <memory>

#include "api/guard.h"
#include "api/path.h"
#include "core/rw_lock.h"

using namespace smipc::detail;

namespace {

Status no_lock() { return fail(SMIPC_E_INVALID, {}, "the lock's handle is NULL"); }

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_rwlock_open(const void* path, size_t path_size, uint32_t access,
                                         smipc_rwlock** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    std::string text;
    Status status = read_path(kLockNoun, path, path_size, &text);
    if (status != SMIPC_OK) return status;
    if (access > SMIPC_ACCESS_ALL) {
      return fail_object(SMIPC_E_INVALID, kLockNoun, text, "no access: " + std::to_string(access));
    }
    auto lock = std::make_unique<smipc_rwlock>();
    status = rw_lock_open(text, access, lock.get());
    if (status != SMIPC_OK) return status;
    *out = lock.release();
    (*out)->listed.enlist<smipc_rwlock_close>(*out);
    return status;
  });
}

SMIPC_API smipc_status smipc_rwlock_lock(smipc_rwlock* lock, uint32_t mode, int64_t timeout_ns,
                                         uint32_t* out_cut_off_pid) {
  return guarded([&]() -> Status {
    if (lock == nullptr) return no_lock();
    const Status status = check_locking(kLockNoun, lock->path, mode, timeout_ns);
    if (status != SMIPC_OK) return status;
    std::uint32_t pid = 0;
    std::uint32_t* where = out_cut_off_pid != nullptr ? out_cut_off_pid : &pid;
    return rw_lock_acquire(*lock, mode == SMIPC_EXCLUSIVE, Deadline(timeout_ns), where);
  });
}

SMIPC_API smipc_status smipc_rwlock_unlock(smipc_rwlock* lock) {
  return guarded([&]() -> Status { return lock == nullptr ? no_lock() : rw_lock_release(*lock); });
}

SMIPC_API smipc_status smipc_rwlock_close(smipc_rwlock* lock) {
  return guarded([&]() -> Status {
    if (lock == nullptr) return no_lock();
    rw_lock_close(*lock);
    return SMIPC_OK;
  });
}

SMIPC_API void smipc_rwlock_free(smipc_rwlock* lock) {
  if (lock == nullptr) return;
  lock->listed.remove();
  rw_lock_free(*lock);
  delete lock;
}

}  // extern "C"
