/* Message queues: any number of senders and receivers in any number of processes,
 * with priorities. They are smipc's own, in shared memory.
 *
 * A name is as for semaphores. The queue stays until its name is removed and nobody
 * has it open any more; on Windows it goes with its last handle.
 *
 * Any thread may use a handle, at the same time as others. A handle is dead in a
 * forked child (SMIPC_E_FORKED). What a killed process was about to send is not
 * there; what it was about to receive comes again, at its place. */
#ifndef SMIPC_MESSAGE_QUEUE_H
#define SMIPC_MESSAGE_QUEUE_H

#include "../smipc.h"
#include "existence.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SMIPC_MAX_QUEUE_MESSAGES 1048576
#define SMIPC_MAX_QUEUE_MESSAGE_SIZE ((uint64_t)1 << 31)
#define SMIPC_MAX_QUEUE_HANDLES 1024 /* open at a time, in all processes */

/* What a handle may be used for. */
#define SMIPC_QUEUE_RECEIVE 1
#define SMIPC_QUEUE_SEND 2

/* Owned by the caller from smipc_message_queue_open until smipc_message_queue_free. */
typedef struct smipc_message_queue smipc_message_queue;

/* Opens or creates, as options->existence says. A new one has room for max_messages
 * (1 to SMIPC_MAX_QUEUE_MESSAGES) of up to max_message_size bytes (1 to
 * SMIPC_MAX_QUEUE_MESSAGE_SIZE), and all of its memory, at once; for an existing one
 * both are ignored. directions: SMIPC_QUEUE_RECEIVE + SMIPC_QUEUE_SEND, or one of
 * them. options: NULL for the defaults. *out_created (may be NULL): 1 when this
 * call created it. *out is NULL on failure.
 * SMIPC_E_INVALID, _NOT_FOUND, _EXISTS, _PERMISSION, _NO_SPACE, _LIMIT, _NO_MEMORY,
 * _CORRUPT, _NOT_SMIPC, _VERSION, _TIMED_OUT (somebody opens it all the time), _OS. */
SMIPC_API smipc_status smipc_message_queue_open(const void *name, size_t name_size,
                                                uint32_t max_messages, uint64_t max_message_size,
                                                uint32_t directions,
                                                const smipc_object_options *options,
                                                int32_t *out_created, smipc_message_queue **out);

/* Sends `size` bytes, waiting while the queue is full. Messages of a higher priority
 * are received first; those of one priority in the order in which they were sent.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED: it was not sent. SMIPC_E_INVALID (it is
 * larger than the queue's messages can be), _PERMISSION (the handle only receives),
 * _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_message_queue_send(smipc_message_queue *queue, const void *data,
                                                size_t size, uint32_t priority, int64_t timeout_ns);

/* Receives the next message into `buffer`, waiting while the queue is empty.
 * *out_size and *out_priority (may be NULL) get what it has.
 * SMIPC_E_BUFFER_TOO_SMALL: *out_size says what it needs, and it stays.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED: nothing was received. SMIPC_E_INVALID,
 * _PERMISSION (the handle only sends), _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_message_queue_receive(smipc_message_queue *queue, void *buffer,
                                                   size_t buffer_size, int64_t timeout_ns,
                                                   size_t *out_size, uint32_t *out_priority);

/* Waits until there is a message. Somebody else may be faster to receive it.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED, _INVALID, _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_message_queue_wait(smipc_message_queue *queue, int64_t timeout_ns);

/* Waits until a message has come while the queue was empty, since *inout_arrivals
 * was taken, and takes it again. With a timeout of 0 it can be taken first: the
 * status is SMIPC_E_TIMED_OUT if it was right already.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _CLOSED, _INVALID, _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_message_queue_wait_arrival(smipc_message_queue *queue,
                                                        int64_t timeout_ns,
                                                        uint32_t *inout_arrivals);

/* A descriptor that is readable while there is a message, for select, poll and
 * epoll: owned by the handle, not to be read. It notices what this handle receives
 * at once; when others empty the queue it stays readable until this handle finds
 * nothing. On Windows SMIPC_E_UNSUPPORTED, and smipc_message_queue_event gives an
 * event. SMIPC_E_CLOSED, _FORKED, _LIMIT, _NO_MEMORY, _INVALID. */
SMIPC_API smipc_status smipc_message_queue_fd(smipc_message_queue *queue, int32_t *out_fd);
SMIPC_API smipc_status smipc_message_queue_event(smipc_message_queue *queue, uint64_t *out_event);

typedef struct smipc_message_queue_status {
  uint32_t struct_size; /* in: sizeof; out: how much of it was filled */
  uint32_t directions;
  uint64_t max_message_size;
  uint32_t max_messages;
  uint32_t current_messages; /* that can be received now */
  uint32_t in_hand;          /* slots that somebody is copying into or out of now */
  uint32_t handles;          /* open, or of killed processes */
  uint32_t repairs;          /* how often somebody was killed in the middle of a change */
  uint32_t reserved;
  uint64_t memory_bytes; /* what the queue takes of the machine */
} smipc_message_queue_status;

/* SMIPC_E_INVALID, _CLOSED, _FORKED. */
SMIPC_API smipc_status smipc_message_queue_get_status(smipc_message_queue *queue,
                                                      smipc_message_queue_status *out);

/* Ends the use of the queue; the name stays until free. Calls of other threads on
 * the handle return SMIPC_E_CLOSED. Idempotent, from any thread.
 * SMIPC_E_INVALID, _FORKED. */
SMIPC_API smipc_status smipc_message_queue_close(smipc_message_queue *queue);

/* Removes the name, if it is still this queue's; else SMIPC_E_NOT_FOUND. Who has it
 * open goes on with it. Also after close. SMIPC_E_PERMISSION, _INVALID, _FORKED, _OS. */
SMIPC_API smipc_status smipc_message_queue_unlink_own(smipc_message_queue *queue);

/* Closes if need be, removes the name if options->unlink says so, and frees. NULL is
 * fine. No other thread may be using the handle. */
SMIPC_API void smipc_message_queue_free(smipc_message_queue *queue);

/* Removes the name, whosever it is. SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID, _OS. */
SMIPC_API smipc_status smipc_message_queue_unlink(const void *name, size_t name_size);

/* ---- For language bindings ------------------------------------------------ */

/* Sends with priority 0 and without waiting; SMIPC_E_TIMED_OUT when it is full. */
SMIPC_API smipc_status smipc_message_queue_try_send(smipc_message_queue *queue, const void *data,
                                                    size_t size);

/* The fetch area is the caller's: SMIPC_QUEUE_AREA_SIZE bytes, aligned to 8. It gets
 * the message. Returns its size plus its priority times 2^SMIPC_QUEUE_SIZE_BITS, or a
 * negative status. SMIPC_E_BUFFER_TOO_SMALL: the message stays, and the area begins
 * with its size, in 64 bits. */
#define SMIPC_QUEUE_AREA_SIZE 65536
#define SMIPC_QUEUE_SIZE_BITS 20
SMIPC_API int64_t smipc_message_queue_fetch(smipc_message_queue *queue, void *area,
                                            int64_t timeout_ns);

/* The same with a timeout of 200 ms, so that the caller can look after its own
 * signals: SMIPC_E_TIMED_OUT then means go on. */
SMIPC_API int64_t smipc_message_queue_fetch_wait(smipc_message_queue *queue, void *area);

/* smipc_message_queue_try_send of smipc_size_before(data) bytes; NULL: of none. */
SMIPC_API smipc_status smipc_message_queue_try_send_sized(smipc_message_queue *queue,
                                                          const void *data);

/* Calls of one handle that do without the handle as an argument, as those of
 * smipc_channel_bind. fetch_wait fills the area that was last given for them: one
 * thread at a time. */
typedef struct smipc_message_queue_calls {
  smipc_status (*try_send_sized)(const void *data);
  int64_t (*fetch_wait)(void);
} smipc_message_queue_calls;

/* `area` as for smipc_message_queue_fetch, for as long as the handle exists.
 * SMIPC_E_LIMIT: 256 handles of this process have them; _INVALID, _FORKED. */
SMIPC_API smipc_status smipc_message_queue_bind(smipc_message_queue *queue, void *area,
                                                smipc_message_queue_calls *out);

/* As smipc_channel_fd_arm. */
SMIPC_API smipc_status smipc_message_queue_fd_arm(smipc_message_queue *queue, uint32_t spins);

#ifdef __cplusplus
}
#endif

#endif
