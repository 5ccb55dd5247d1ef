/* Named semaphores: the operating system's own, so that any other program can
 * open them, by sem_open("/name") on POSIX and by CreateSemaphoreW with the name
 * "Local\sem.name" on Windows.
 *
 * A name is 1 to SMIPC_MAX_NAME letters, digits, '-' and '_', after any number
 * of slashes. Handles survive fork; a child that frees an inherited one never
 * unlinks. On Windows the object goes with its last handle, and unlinking only
 * looks whether it exists. */
#ifndef SMIPC_SEMAPHORE_H
#define SMIPC_SEMAPHORE_H

#include "../smipc.h"
#include "existence.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The greatest value of a semaphore. */
#define SMIPC_MAX_SEMAPHORE 2147483647

/* Owned by the caller from smipc_semaphore_open until smipc_semaphore_free. */
typedef struct smipc_semaphore smipc_semaphore;

/* Opens or creates, as options->existence says; a new one starts with
 * initial_value, which is otherwise ignored. options: NULL for the defaults.
 * *out_created (may be NULL): 1 when this call created it. *out is NULL on failure.
 * SMIPC_E_INVALID, _NOT_FOUND, _EXISTS, _PERMISSION, _NO_SPACE, _LIMIT, _NO_MEMORY,
 * _CORRUPT (what has the name is no semaphore), _OS. */
SMIPC_API smipc_status smipc_semaphore_open(const void *name, size_t name_size,
                                            uint32_t initial_value,
                                            const smipc_object_options *options,
                                            int32_t *out_created, smipc_semaphore **out);

/* Takes one, waiting while the value is 0.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED, _INVALID, _OS. */
SMIPC_API smipc_status smipc_semaphore_acquire(smipc_semaphore *semaphore, int64_t timeout_ns);

/* Adds `count` (at least 1) and wakes as many. Beyond SMIPC_MAX_SEMAPHORE it is
 * SMIPC_E_INVALID and nothing is added; should others release at that very
 * moment, on POSIX, where the OS adds one at a time, some may have been: the
 * text says how many. SMIPC_E_INVALID, _CLOSED, _OS. */
SMIPC_API smipc_status smipc_semaphore_release(smipc_semaphore *semaphore, uint32_t count);

/* The value as of now. SMIPC_E_CLOSED, _INVALID, _UNSUPPORTED (macOS), _OS. */
SMIPC_API smipc_status smipc_semaphore_value(smipc_semaphore *semaphore, uint32_t *out);

/* Idempotent, from any thread; calls that wait return SMIPC_E_CLOSED within
 * 100 ms, and it waits for them. The name stays. */
SMIPC_API smipc_status smipc_semaphore_close(smipc_semaphore *semaphore);

/* Removes the name, if it is still the name of this handle's semaphore; also
 * after close. SMIPC_E_NOT_FOUND when it is not, _PERMISSION, _INVALID, _OS. */
SMIPC_API smipc_status smipc_semaphore_unlink_own(smipc_semaphore *semaphore);

/* Closes if need be, removes the name if options->unlink said so and it is
 * still this semaphore's, and frees the handle. NULL is fine. No other thread may be
 * using the handle. */
SMIPC_API void smipc_semaphore_free(smipc_semaphore *semaphore);

/* Removes the name. Who has the semaphore open goes on with it.
 * SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID, _OS. */
SMIPC_API smipc_status smipc_semaphore_unlink(const void *name, size_t name_size);

#ifdef __cplusplus
}
#endif

#endif
