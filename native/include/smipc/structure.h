/* Locked structures: a plain C structure in a file that several processes map,
 * beside a lock file (rwlock.h) that says who may read and write.
 *
 * The file holds the structure and nothing else. Its first member is
 *
 *     struct { uint16_t code; double last_update; } header;
 *
 * whose code tells one structure from another. Lock files have the path of the
 * structure's file with ".lock" behind it, unless told otherwise. */
#ifndef SMIPC_STRUCTURE_H
#define SMIPC_STRUCTURE_H

#include "../smipc.h"
#include "rwlock.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The least and the most bytes of a structure. */
#define SMIPC_MIN_STRUCTURE 16
#define SMIPC_MAX_STRUCTURE ((uint64_t)1 << 40)

/* Set by smipc_structure_options_init, then changed field by field. */
typedef struct smipc_structure_options {
  uint32_t struct_size;  /* sizeof(smipc_structure_options), set by init */
  uint32_t access;       /* SMIPC_ACCESS_USER; counts for files that are created */
  uint32_t read_only;    /* 0; 1: mapped for reading, and locked shared only */
  uint32_t code;         /* 0: any; else what the header must hold, below 65536 */
  const void *lock_path; /* NULL: the path and ".lock" */
  uint64_t lock_path_size;
} smipc_structure_options;

SMIPC_API void smipc_structure_options_init(smipc_structure_options *options);

/* Owned by the caller from smipc_structure_open until smipc_structure_free. */
typedef struct smipc_structure smipc_structure;

/* Makes the file: size_bytes, all zero but the header's code. It takes the lock
 * exclusively for that, for which it waits. `force`: 0: SMIPC_E_EXISTS when there
 * is a file already; 1: it is replaced. Those who have it open keep what they have
 * mapped, and go on with the new one the next time they lock. options: NULL for
 * the defaults.
 * SMIPC_E_INVALID, _EXISTS, _NOT_FOUND (no such folder), _PERMISSION, _NO_SPACE,
 * _BUSY (Windows: others have it open), _TIMED_OUT, _INTERRUPTED, and what
 * smipc_rwlock_open gives. */
SMIPC_API smipc_status smipc_structure_create(const void *path, size_t path_size,
                                              uint64_t size_bytes, uint32_t force,
                                              int64_t timeout_ns,
                                              const smipc_structure_options *options);

/* Opens and maps an existing file, which must have size_bytes and the code.
 * *out is NULL on failure.
 * SMIPC_E_INVALID (arguments; another size or code), _NOT_FOUND, _PERMISSION,
 * _NOT_SMIPC (no regular file), and what smipc_rwlock_open gives. */
SMIPC_API smipc_status smipc_structure_open(const void *path, size_t path_size, uint64_t size_bytes,
                                            const smipc_structure_options *options,
                                            smipc_structure **out);

/* Locks it, as smipc_rwlock_lock. If the file has been replaced meanwhile, the
 * new one is mapped: *out_data (may be NULL) says where the structure is now.
 * SMIPC_E_NOT_FOUND or _INVALID when what is at the path now does not fit; then it
 * is not locked. */
SMIPC_API smipc_status smipc_structure_lock(smipc_structure *structure, uint32_t mode,
                                            int64_t timeout_ns, uint32_t *out_cut_off_pid,
                                            void **out_data);

/* SMIPC_E_INVALID when this handle does not hold the lock. */
SMIPC_API smipc_status smipc_structure_unlock(smipc_structure *structure);

/* Unlocks it for somebody who has changed nothing: an edit that was cut off before
 * goes on being told. SMIPC_E_INVALID when this handle does not hold the lock. */
SMIPC_API smipc_status smipc_structure_back_out(smipc_structure *structure);

/* Where the structure is. What was returned before stays mapped until
 * smipc_structure_free, also after close and replacement. SMIPC_E_CLOSED, _INVALID. */
SMIPC_API smipc_status smipc_structure_data(smipc_structure *structure, void **out_data);

/* For language bindings, as the beginning of a wait: tries once to lock it, as smipc_structure_lock with the
 * timeout 0. 0: it is locked, not cut off, and at known_data. 1: it is locked, and
 * one of these is otherwise: smipc_structure_data and smipc_structure_cut_off say
 * which. Negative: the status, and it is not locked. */
SMIPC_API int32_t smipc_structure_enter(smipc_structure *structure, uint32_t mode,
                                        const void *known_data);

/* *out_pid as of the last time that this handle was locked. SMIPC_E_INVALID. */
SMIPC_API smipc_status smipc_structure_cut_off(smipc_structure *structure, uint32_t *out_pid);

/* As smipc_rwlock_close. */
SMIPC_API smipc_status smipc_structure_close(smipc_structure *structure);

/* Closes if need be, unmaps, and frees the handle. NULL is fine. No other thread
 * may be using the handle. */
SMIPC_API void smipc_structure_free(smipc_structure *structure);

#ifdef __cplusplus
}
#endif

#endif
