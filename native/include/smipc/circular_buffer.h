/* Circular buffers: one writer, any number of readers, and nobody ever waits.
 *
 * Items have a fixed size. The newest length - 1 can be read; each reader has its
 * own position and begins at the oldest item there is. A reader that the writer
 * overtakes goes on at the oldest item left, and is told how many it missed. No
 * item is ever torn.
 *
 * Names, forks and errors are as for channels. Calls on one handle are serialised.
 * A writer that closes removes the name; readers drain what there is. One that was
 * killed can be succeeded by another, which goes on behind the last whole item. */
#ifndef SMIPC_CIRCULAR_BUFFER_H
#define SMIPC_CIRCULAR_BUFFER_H

#include "../smipc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The largest item. length times item_size is limited by SMIPC_MAX_CAPACITY. */
#define SMIPC_MAX_ITEM ((uint64_t)1 << 31)

/* Owned by the caller from smipc_circular_buffer_open until smipc_circular_buffer_free. */
typedef struct smipc_circular_buffer smipc_circular_buffer;

/* Set by smipc_circular_buffer_options_init, then changed field by field. */
typedef struct smipc_circular_buffer_options {
  uint32_t struct_size; /* set by init */
  uint32_t access;      /* SMIPC_ACCESS_USER; counts at creation */
  uint64_t item_size;   /* 0: as the buffer has it, 1 for a new one */
  uint64_t length;      /* 0: as the buffer has it, 2 for a new one; at least 2 */
} smipc_circular_buffer_options;

SMIPC_API void smipc_circular_buffer_options_init(smipc_circular_buffer_options *options);

/* mode: SMIPC_WRITER creates the buffer, or succeeds a writer that was killed;
 * SMIPC_READER attaches. options: NULL for the defaults. *out is NULL on failure.
 * SMIPC_E_NOT_FOUND (a reader, and no buffer), _END_TAKEN (a writer is open; the
 * text names its pid), _INVALID (also a size that contradicts the buffer's),
 * _NO_SPACE, _NO_MEMORY, _PERMISSION, _NOT_SMIPC, _VERSION, _CORRUPT, _EXISTS,
 * _TIMED_OUT, _LIMIT, _OS. */
SMIPC_API smipc_status smipc_circular_buffer_open(const void *name, size_t name_size, int32_t mode,
                                                  const smipc_circular_buffer_options *options,
                                                  smipc_circular_buffer **out);

/* Pushes size / item_size items; size must be a multiple of item_size. Never waits.
 * SMIPC_E_INVALID, _WRONG_END, _CLOSED, _FORKED: then nothing was pushed. */
SMIPC_API smipc_status smipc_circular_buffer_push(smipc_circular_buffer *buffer, const void *items,
                                                  size_t size);

/* Pops as many whole items as there are and fit `size` bytes at `out`. *out_count
 * gets their number, 0 when there is none. Bytes of `out` behind them may have
 * changed. SMIPC_E_INVALID, _BUFFER_TOO_SMALL (size is less than an item),
 * _WRONG_END, _CLOSED, _FORKED, _CORRUPT, _BUSY (the writer has overtaken this
 * reader 64 times in a row: it pushes a whole buffer in less time than it takes to
 * copy one item. What was missed is counted; calling again goes on). */
SMIPC_API smipc_status smipc_circular_buffer_pop(smipc_circular_buffer *buffer, void *out,
                                                 size_t size, uint64_t *out_count);

/* Pushes one integer, big-endian in item_size bytes, as Python's push does.
 * SMIPC_E_INVALID (it does not fit), _WRONG_END, _CLOSED, _FORKED: then nothing was
 * pushed. */
SMIPC_API smipc_status smipc_circular_buffer_push_int(smipc_circular_buffer *buffer, uint64_t item);

/* Pops one integer, which is returned, or a negative smipc_status:
 * SMIPC_E_NOT_FOUND (there is no item), _BUFFER_TOO_SMALL (it has more than 63 bits,
 * and stays), and those of smipc_circular_buffer_pop. */
SMIPC_API int64_t smipc_circular_buffer_pop_int(smipc_circular_buffer *buffer);

typedef struct smipc_circular_buffer_status {
  uint32_t struct_size; /* in: sizeof; out: how much of it was filled */
  uint32_t mode;
  uint64_t item_size;
  uint64_t length;
  uint64_t pushed;     /* items, ever, by all writers */
  uint64_t available;  /* of a reader: how many it can pop now */
  uint64_t lost;       /* of a reader: how many it has missed */
  uint32_t writer_pid; /* of the writer, or the last one if it was killed; 0: closed, or removed */
  uint32_t reserved;
} smipc_circular_buffer_status;

/* SMIPC_E_INVALID, _CLOSED, _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_circular_buffer_get_status(smipc_circular_buffer *buffer,
                                                        smipc_circular_buffer_status *out);

/* Idempotent, from any thread. The writer's removes the name. SMIPC_E_INVALID, _FORKED. */
SMIPC_API smipc_status smipc_circular_buffer_close(smipc_circular_buffer *buffer);

/* Closes if need be, and frees. NULL is fine. No other thread may be using the handle. */
SMIPC_API void smipc_circular_buffer_free(smipc_circular_buffer *buffer);

/* Removes the name. Who has it open goes on with it.
 * SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID, _TIMED_OUT, _OS. */
SMIPC_API smipc_status smipc_circular_buffer_unlink(const void *name, size_t name_size);

#ifdef __cplusplus
}
#endif

#endif
