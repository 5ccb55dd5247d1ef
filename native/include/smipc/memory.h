/* Named shared memory: the operating system's own, so that any other program can
 * open it, by shm_open("/name") on POSIX and by OpenFileMappingW with the name
 * "Local\name" on Windows.
 *
 * Names, fork and unlinking are as for semaphores (semaphore.h). What the memory
 * holds, and who may write when, is between its users. */
#ifndef SMIPC_MEMORY_H
#define SMIPC_MEMORY_H

#include "../smipc.h"
#include "existence.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SMIPC_MAX_MEMORY ((uint64_t)1 << 47)

/* Owned by the caller from smipc_memory_open until smipc_memory_free. */
typedef struct smipc_memory smipc_memory;

/* Opens or creates, as options->existence says, and maps all of it.
 *
 * size_bytes: of a new one, at least 1; it is zeroed, allocated now, and never
 * seen by others before that is done. Of an existing one: 0 takes it as it is;
 * one with fewer bytes is SMIPC_E_INVALID, and one that its creator has left
 * without any gets that many. Never shrinks an object. On Windows sizes are
 * whole pages.
 * read_only: 0 or 1; then size_bytes must be 0, and only an existing one will do.
 * options: NULL for the defaults. *out_created (may be NULL): 1 when this call
 * created it. *out is NULL on failure.
 * SMIPC_E_INVALID, _NOT_FOUND, _EXISTS, _PERMISSION, _NO_SPACE (the text says how
 * much there is and is needed), _NO_MEMORY, _LIMIT, _OS. */
SMIPC_API smipc_status smipc_memory_open(const void *name, size_t name_size, uint64_t size_bytes,
                                         uint32_t read_only, const smipc_object_options *options,
                                         int32_t *out_created, smipc_memory **out);

/* Where it is mapped; NULL when it has no bytes. Valid until smipc_memory_free, also
 * after close. SMIPC_E_INVALID. */
SMIPC_API smipc_status smipc_memory_data(smipc_memory *memory, void **out_data, uint64_t *out_size);

/* The descriptor behind it, which stays the handle's. SMIPC_E_CLOSED, _INVALID,
 * _UNSUPPORTED (Windows). */
SMIPC_API smipc_status smipc_memory_fd(smipc_memory *memory, int32_t *out_fd);

/* Closes the descriptor. Idempotent. The memory stays mapped until
 * smipc_memory_free, and the name stays. */
SMIPC_API smipc_status smipc_memory_close(smipc_memory *memory);

/* As smipc_semaphore_unlink_own. */
SMIPC_API smipc_status smipc_memory_unlink_own(smipc_memory *memory);

/* Closes if need be, unmaps, removes the name if options->unlink said so and it
 * is still this memory's, and frees the handle. NULL is fine. No other thread may be
 * using the handle. */
SMIPC_API void smipc_memory_free(smipc_memory *memory);

/* Removes the name. Who has the memory open goes on with it.
 * SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID, _OS. */
SMIPC_API smipc_status smipc_memory_unlink(const void *name, size_t name_size);

#ifdef __cplusplus
}
#endif

#endif
