/* Locks between processes: shared for readers, exclusive for one writer. They
 * are the operating system's file locks, so it frees them when their holder ends
 * in whatever way, and the next one is told.
 *
 * A lock is a file, which is created when need be and never removed. Two handles
 * exclude each other, also in one process. Of one handle, several threads may
 * hold it shared, or one exclusively. A forked child has none of its parent's
 * locks, and may use inherited handles for locks of its own.
 * Paths are bytes, 1 to SMIPC_MAX_PATH of them; on Windows UTF-8. */
#ifndef SMIPC_RWLOCK_H
#define SMIPC_RWLOCK_H

#include "../smipc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SMIPC_MAX_PATH 4000

#define SMIPC_SHARED 0
#define SMIPC_EXCLUSIVE 1

/* Owned by the caller from smipc_rwlock_open until smipc_rwlock_free. */
typedef struct smipc_rwlock smipc_rwlock;

/* Opens the lock file, or creates it for those whom `access` (SMIPC_ACCESS_USER
 * ...) names; its folder must exist. *out is NULL on failure.
 * SMIPC_E_INVALID, _NOT_FOUND, _PERMISSION, _NOT_SMIPC (another file), _VERSION,
 * _NO_SPACE, _LIMIT, _NO_MEMORY, _OS. */
SMIPC_API smipc_status smipc_rwlock_open(const void *path, size_t path_size, uint32_t access,
                                         smipc_rwlock **out);

/* Locks it, SMIPC_SHARED or SMIPC_EXCLUSIVE, waiting for those who have it.
 * *out_cut_off_pid (may be NULL): 0, or the process that ended while it held the
 * lock exclusively, if nobody has held it so and unlocked it since: what the lock
 * guards may be half changed. Readers that overlap stand back for a waiting
 * writer, for 100 ms at most.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED, _BUSY (this thread alone took it
 * by this handle, and would wait for itself; with a second handle it does wait),
 * _INVALID, _OS. */
SMIPC_API smipc_status smipc_rwlock_lock(smipc_rwlock *lock, uint32_t mode, int64_t timeout_ns,
                                         uint32_t *out_cut_off_pid);

/* SMIPC_E_INVALID when this handle does not hold it. */
SMIPC_API smipc_status smipc_rwlock_unlock(smipc_rwlock *lock);

/* Unlocks it if need be. Idempotent, from any thread; calls that wait return
 * SMIPC_E_CLOSED within 100 ms, and it waits for them. */
SMIPC_API smipc_status smipc_rwlock_close(smipc_rwlock *lock);

/* Closes if need be, and frees the handle. NULL is fine. No other thread may be
 * using the handle. */
SMIPC_API void smipc_rwlock_free(smipc_rwlock *lock);

#ifdef __cplusplus
}
#endif

#endif
