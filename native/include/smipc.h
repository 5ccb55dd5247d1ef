/* smipc: shared-memory channels between the processes of one machine.
 *
 * This header is the whole C ABI. C++ programs may prefer smipc.hpp, which is
 * written on top of it. Everything here is C99 and safe to bind from any
 * language: no inline functions, unions, bit-fields or `long`.
 *
 * Words used below
 *   channel   a named, bounded, one-way conduit: one writer end, one reader end.
 *   end       one process's handle to one side of a channel (smipc_channel *).
 *   opposite  the end on the other side.
 *   framing   SMIPC_STREAM: bytes, like a pipe. SMIPC_MESSAGE: whole messages.
 *   survivor  the end that is left when the opposite closed or was killed.
 *   successor a new end that takes over a role that closed or was killed.
 *
 * Conventions that hold for every function
 *   Status     0 is SMIPC_OK, negative values are errors. smipc_last_error()
 *              gives one line that names the channel and the offending value,
 *              for the calling thread, until its next smipc call that fails.
 *   Timeouts   int64_t nanoseconds on the monotonic clock: 0 tries once,
 *              SMIPC_FOREVER (-1) waits for ever, other negatives are invalid.
 *   Signals    a signal handler, installed without SA_RESTART, that runs while
 *              a call sleeps makes it return SMIPC_E_INTERRUPTED; nothing was
 *              consumed, call again to go on. A call that only spins
 *              (SMIPC_WAIT_SPIN) does not notice. To act on a flag that a
 *              handler sets at any moment, wait in slices.
 *              On Windows a Ctrl-C or Ctrl-Break that the program handles counts
 *              as one.
 *   Threads    any thread may use any handle. Calls on one handle are
 *              serialised: a second caller waits, within its own timeout, for
 *              the first to finish. smipc_channel_close may come at any time.
 *   Fork       a handle is dead in a forked child: calls return
 *              SMIPC_E_FORKED and the parent's end is not affected. Closing such a
 *              channel is SMIPC_OK and does nothing; its status says is_open 0.
 *   Nothing lost  an error never consumes or drops a message, unless the
 *              function says otherwise.
 */
#ifndef SMIPC_H
#define SMIPC_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#if defined(SMIPC_BUILDING)
#define SMIPC_API __declspec(dllexport)
#else
#define SMIPC_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define SMIPC_API __attribute__((visibility("default")))
#else
#define SMIPC_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Status codes: never renumbered --------------------------------------- */

typedef int32_t smipc_status;

#define SMIPC_OK 0
#define SMIPC_E_INVALID -1           /* an argument is out of its range */
#define SMIPC_E_TIMED_OUT -2         /* the timeout passed; nothing was consumed */
#define SMIPC_E_INTERRUPTED -3       /* a signal handler ran; nothing was consumed */
#define SMIPC_E_CLOSED -4            /* this handle is closed */
#define SMIPC_E_OPPOSITE_CLOSED -5   /* the opposite end has closed (and all is read) */
#define SMIPC_E_OPPOSITE_DIED -6     /* the opposite process ended without closing */
#define SMIPC_E_END_TAKEN -7         /* another process (or handle) holds this end */
#define SMIPC_E_WRONG_END -8         /* reading from a writer, writing to a reader */
#define SMIPC_E_WRONG_FRAMING -9     /* a stream call on a message channel, or the reverse */
#define SMIPC_E_BUFFER_TOO_SMALL -10 /* *out_size says what is needed; the message stays */
#define SMIPC_E_NO_SPACE -11         /* shared memory is full; the text says how full */
#define SMIPC_E_NO_MEMORY -12        /* the process is out of memory or address space */
#define SMIPC_E_PERMISSION -13       /* the segment belongs to another user */
#define SMIPC_E_NOT_FOUND -14        /* no such object or item */
#define SMIPC_E_EXISTS -15           /* such an object exists already */
#define SMIPC_E_CORRUPT -16          /* shared memory holds values no honest peer writes */
#define SMIPC_E_NOT_SMIPC -17        /* the file of that name is no smipc segment */
#define SMIPC_E_VERSION -18          /* the segment has another layout version */
#define SMIPC_E_FORKED -19           /* the handle was opened before fork(), by the parent */
#define SMIPC_E_LIMIT -20            /* a limit on descriptors, mappings or threads */
#define SMIPC_E_UNSUPPORTED -21      /* not available on this platform */
#define SMIPC_E_BUSY -22             /* a listener, a reservation or a borrow is active */
#define SMIPC_E_OS -23               /* any other error of the operating system */
#define SMIPC_E_INTERNAL -24         /* a defect in smipc; please report it */

#define SMIPC_FOREVER ((int64_t)-1)

/* For event loops, as the timeout of a call on one channel: as 0, but the call
 * first spins up to 50 us, less or not at all while that is of no use, and
 * never sleeps. What it is waiting for may be answered by then. */
#define SMIPC_SOON ((int64_t)-2)

/* The ABI version: a library with another value must not be used. */
#define SMIPC_ABI_VERSION 1

/* Log levels: what goes to stderr. */
#define SMIPC_LOG_DISABLE 0 /* nothing (the default) */
#define SMIPC_LOG_BASIC 1   /* channels opening and closing */
#define SMIPC_LOG_ALL 2     /* and every transfer: its size, never its content */

/* Modes. */
#define SMIPC_READER 0
#define SMIPC_WRITER 1

/* Framings. */
#define SMIPC_STREAM 0
#define SMIPC_MESSAGE 1

/* What a blocked call does.
 *   SPIN    never sleeps: lowest latency, one core busy while it waits.
 *   HYBRID  spins up to 50 us, less when waits are usually long, then sleeps.
 *   BLOCK   sleeps at once. */
#define SMIPC_WAIT_SPIN 0
#define SMIPC_WAIT_HYBRID 1
#define SMIPC_WAIT_BLOCK 2

/* How long a channel exists.
 *   PROCESS  while either end is open.
 *   KERNEL   until smipc_channel_unlink (or the machine restarts). */
#define SMIPC_LIFETIME_PROCESS 0
#define SMIPC_LIFETIME_KERNEL 1

/* Who may open it: the creating user, the creator's group, everybody. */
#define SMIPC_ACCESS_USER 0
#define SMIPC_ACCESS_GROUP 1
#define SMIPC_ACCESS_ALL 2

/* The state of an end. */
#define SMIPC_END_ABSENT 0 /* nobody has taken this role yet */
#define SMIPC_END_OPEN 1
#define SMIPC_END_CLOSED 2
#define SMIPC_END_DIED 3

/* Limits. A capacity is further limited by the memory there is. */
#define SMIPC_MAX_NAME 200
#define SMIPC_MAX_CAPACITY ((uint64_t)1 << 40)
#define SMIPC_MAX_MESSAGE ((uint64_t)1 << 47)

/* One end of a channel. Owned by the caller from smipc_channel_open until
 * smipc_channel_free. */
typedef struct smipc_channel smipc_channel;

/* A run of bytes in the caller's memory: `size` bytes at `data`, which may be
 * NULL when size is 0. Functions that send never write through `data`. */
typedef struct smipc_buffer {
  void *data;
  size_t size;
} smipc_buffer;

/* ---- Library --------------------------------------------------------------- */

/* SMIPC_ABI_VERSION of the loaded library. */
SMIPC_API uint32_t smipc_abi_version(void);

/* The library's version, such as "0.1.0". Static. */
SMIPC_API const char *smipc_version(void);

/* Sets the log level; optional, callable again. SMIPC_LOG_ALL counts for channels
 * opened afterwards. SMIPC_E_INVALID. */
SMIPC_API smipc_status smipc_init(int32_t log_level);

/* Closes everything that this process has open, of every kind, as its close
 * function does. The handles stay to be freed. What others have open lives on. */
SMIPC_API smipc_status smipc_clean(void);

/* "SMIPC_E_TIMED_OUT" and the like; "SMIPC_E_UNKNOWN" for no status. Static. */
SMIPC_API const char *smipc_status_name(smipc_status status);

/* A sentence for the status alone, without values. Static. */
SMIPC_API const char *smipc_status_message(smipc_status status);

/* What the last failing call of this thread had to say, in one line, with the
 * channel and the value; "" before any failure. Valid until this thread's
 * next failing call. */
SMIPC_API const char *smipc_last_error(void);

/* Windows, for programs that turn Ctrl-C into an event of their own: calls that
 * sleep in that thread return SMIPC_E_INTERRUPTED when the event (the handle of
 * one, manual-reset) is set, and reset it; other threads are not interrupted. The
 * event must outlive its use here. event 0: none. Elsewhere SMIPC_E_UNSUPPORTED. */
SMIPC_API smipc_status smipc_interrupt_bind(uint64_t event, uint32_t thread_id);

/* Removes segments that no living process holds and whose lifetime is
 * SMIPC_LIFETIME_PROCESS, and semaphores and shared memory whose handle was to
 * unlink them: what killed processes left. *out_removed (may be
 * NULL) gets their number. Segments of other users are passed over. */
SMIPC_API smipc_status smipc_clean_stale(size_t *out_removed);

/* ---- Opening and closing ----------------------------------------------------- */

/* Set by smipc_channel_options_init, then changed field by field. */
typedef struct smipc_channel_options {
  uint32_t struct_size; /* sizeof(smipc_channel_options), set by init */
  uint32_t framing;     /* SMIPC_STREAM; must match the segment at attach */
  uint32_t wait;        /* SMIPC_WAIT_HYBRID; of this end only */
  uint32_t lifetime;    /* SMIPC_LIFETIME_PROCESS; counts at creation */
  uint32_t access;      /* SMIPC_ACCESS_USER; counts at creation */
  uint32_t reserved;    /* 0 */
} smipc_channel_options;

SMIPC_API void smipc_channel_options_init(smipc_channel_options *options);

/* Opens one end of the channel `name` (1 to SMIPC_MAX_NAME bytes, any but NUL).
 *
 * Whoever comes first creates the channel with `capacity_bytes`; the second
 * attaches and its capacity is ignored. In a stream the capacity is the bytes
 * that fit; in a message channel one message of that size always fits, and a
 * message of n bytes takes 8 + n, rounded up to a multiple of 8. A capacity is
 * taken as given, from 1 byte up. All memory is allocated here.
 *
 * mode: SMIPC_READER or SMIPC_WRITER. options: NULL for the defaults.
 * An end whose holder has closed or died may be taken again; it goes on where
 * the last one left off. Never waits for the opposite end.
 * *out is NULL on failure.
 *
 * SMIPC_E_INVALID, _END_TAKEN (the text names the pid), _WRONG_FRAMING,
 * _PERMISSION, _NO_SPACE, _NO_MEMORY, _NOT_SMIPC, _VERSION, _CORRUPT,
 * _EXISTS (another name has the same 128-bit hash), _LIMIT, _TIMED_OUT (another process sits in open or close for 10 s), _OS. */
SMIPC_API smipc_status smipc_channel_open(const void *name, size_t name_size, uint32_t mode,
                                          uint64_t capacity_bytes,
                                          const smipc_channel_options *options,
                                          smipc_channel **out);

/* Closes the end. Idempotent, from any thread; wakes every call that waits in
 * it (they return SMIPC_E_CLOSED) and waits until they have left. The opposite
 * end may drain what was written. An open reservation is aborted; a borrowed
 * message stays for a successor. Their memory stays accessible, as garbage, until
 * smipc_channel_free. Not from this channel's listener: SMIPC_E_BUSY. */
SMIPC_API smipc_status smipc_channel_close(smipc_channel *channel);

/* Closes if need be, stops the listener and frees the handle. NULL is fine.
 * No other thread may be using the handle. */
SMIPC_API void smipc_channel_free(smipc_channel *channel);

/* Removes the name. Ends that are open go on with each other; the next open
 * creates a new channel. SMIPC_E_NOT_FOUND, _PERMISSION, _INVALID, _OS. */
SMIPC_API smipc_status smipc_channel_unlink(const void *name, size_t name_size);

/* ---- Stream framing ---------------------------------------------------------- */

/* Writes all `size` bytes, waiting for room. Up to the capacity it is all or
 * nothing. More than the capacity passes in pieces: after an error *out_written
 * (may be NULL) says how many bytes have gone, and the caller may go on there.
 *
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _OPPOSITE_CLOSED, _OPPOSITE_DIED, _CLOSED,
 * _WRONG_END, _WRONG_FRAMING, _INVALID, _FORKED, _CORRUPT. */
SMIPC_API smipc_status smipc_channel_write(smipc_channel *channel, const void *data, size_t size,
                                           int64_t timeout_ns, size_t *out_written);

/* Reads exactly `size` bytes, waiting for them. On any error nothing is
 * consumed: bytes that had to be taken to make room are kept by the handle and
 * come first in the next read. When the opposite end is gone with fewer bytes
 * left: SMIPC_E_OPPOSITE_CLOSED or _DIED, and smipc_channel_read_some gets them. */
SMIPC_API smipc_status smipc_channel_read(smipc_channel *channel, void *buffer, size_t size,
                                          int64_t timeout_ns);

/* Reads what is there, 1 to `size` bytes, waiting until there is something.
 * *out_read gets the count. size 0 returns at once. With timeout 0 and nothing
 * there: SMIPC_E_TIMED_OUT. */
SMIPC_API smipc_status smipc_channel_read_some(smipc_channel *channel, void *buffer, size_t size,
                                               int64_t timeout_ns, size_t *out_read);

/* ---- Message framing ---------------------------------------------------------- */

/* Sends one message of `size` bytes (0 is a message). It is sent whole or not
 * at all. A message that fits is sent when this returns; a larger one passes in
 * pieces while the reader takes them, and the call returns when the reader has
 * taken all of it (if the timeout passes after the last piece has been handed
 * over, it returns SMIPC_OK).
 *
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _OPPOSITE_CLOSED, _OPPOSITE_DIED, _CLOSED,
 * _WRONG_END, _WRONG_FRAMING, _INVALID, _FORKED, _BUSY (a reservation is
 * open), _CORRUPT. */
SMIPC_API smipc_status smipc_channel_send(smipc_channel *channel, const void *data, size_t size,
                                          int64_t timeout_ns);

/* Sends the concatenation of `count` buffers as one message.
 *
 * *inout_done must be 0 for a new message. When the call returns
 * SMIPC_E_TIMED_OUT or _INTERRUPTED in the middle of a message larger than the
 * channel, it holds how far the message has come: the same call with the same
 * buffers and that value goes on; any other send gives the message up, and the
 * reader never sees it. More than the message's size: all of it is handed over,
 * the reader gets it whatever is sent next, and only its taking is awaited.
 * NULL: given up at once. */
SMIPC_API smipc_status smipc_channel_send_parts(smipc_channel *channel, const smipc_buffer *parts,
                                                size_t count, int64_t timeout_ns,
                                                uint64_t *inout_done);

/* Sends `count` messages in order, publishing them in groups. *out_sent gets
 * how many have gone; with an error it may be less than count, and the rest has
 * not gone. */
SMIPC_API smipc_status smipc_channel_send_many(smipc_channel *channel, const smipc_buffer *messages,
                                               size_t count, int64_t timeout_ns, size_t *out_sent);

/* Receives one message into `buffer`. *out_size gets its size. A message larger
 * than buffer_size: SMIPC_E_BUFFER_TOO_SMALL, *out_size what is needed, and the
 * message stays. The message is taken when the call returns.
 *
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _OPPOSITE_CLOSED, _OPPOSITE_DIED, _CLOSED,
 * _WRONG_END, _WRONG_FRAMING, _INVALID, _FORKED, _BUSY (a listener or borrow),
 * _BUFFER_TOO_SMALL, _NO_MEMORY (assembling a large message), _CORRUPT. */
SMIPC_API smipc_status smipc_channel_recv(smipc_channel *channel, void *buffer, size_t buffer_size,
                                          int64_t timeout_ns, size_t *out_size);

/* As smipc_channel_recv, filling `count` buffers one after the other. */
SMIPC_API smipc_status smipc_channel_recv_parts(smipc_channel *channel, const smipc_buffer *parts,
                                                size_t count, int64_t timeout_ns, size_t *out_size);

/* Receives up to `limit` messages, waiting for the first only, packed one after
 * the other into `buffer`; out_messages[i] points at each. Stops early when the
 * next does not fit, before and after a message over 64 KiB, and after a quarter of
 * a channel of more than 64 KiB. All are taken at once when the call returns: a
 * reader that is killed in it leaves all to its successor. The first one too large: SMIPC_E_BUFFER_TOO_SMALL and its
 * size in *out_needed (may be NULL). *out_count gets the number. */
SMIPC_API smipc_status smipc_channel_recv_many(smipc_channel *channel, void *buffer,
                                               size_t buffer_size, size_t limit, int64_t timeout_ns,
                                               smipc_buffer *out_messages, size_t *out_count,
                                               size_t *out_needed);

/* Waits for the next message without taking it: *out_size gets its size, and
 * its first bytes, min(prefix_size, what has arrived contiguously), are copied
 * to `prefix` (NULL when prefix_size is 0); *out_prefix (may be NULL) gets
 * their number. */
SMIPC_API smipc_status smipc_channel_next(smipc_channel *channel, void *prefix, size_t prefix_size,
                                          int64_t timeout_ns, size_t *out_size, size_t *out_prefix);

/* Zero copy, writing. reserve waits for room and lends `size` contiguous bytes
 * of the ring at *out, 8-byte aligned; commit publishes the first `size` of
 * them as one message, abort gives them back. One reservation at a time. A size
 * beyond the capacity: SMIPC_E_INVALID. A writer killed in between leaves
 * nothing. */
SMIPC_API smipc_status smipc_channel_reserve(smipc_channel *channel, size_t size,
                                             int64_t timeout_ns, void **out);
SMIPC_API smipc_status smipc_channel_commit(smipc_channel *channel, size_t size);
SMIPC_API smipc_status smipc_channel_abort(smipc_channel *channel);

/* Zero copy, reading. peek waits for a message and lends it, contiguous, 8-byte
 * aligned, at *out; release takes it off the channel. Peeking twice lends the
 * same message. A message larger than the channel is lent from the handle's own
 * memory. A reader killed in between leaves the message to its successor. */
SMIPC_API smipc_status smipc_channel_peek(smipc_channel *channel, int64_t timeout_ns,
                                          const void **out, size_t *out_size);
SMIPC_API smipc_status smipc_channel_release(smipc_channel *channel);

/* ---- Waiting -------------------------------------------------------------------- */

/* A writer waits until the reader has taken everything that was written.
 * SMIPC_E_TIMED_OUT, _INTERRUPTED, _OPPOSITE_CLOSED, _OPPOSITE_DIED, _CLOSED,
 * _WRONG_END, _FORKED. */
SMIPC_API smipc_status smipc_channel_flush(smipc_channel *channel, int64_t timeout_ns);

/* Waits until at least one of `count` readers can be read without waiting:
 * something is there, or the opposite end is gone. (Something may be the first
 * part of a message that is still being written.) out_ready[i] gets 1 or 0,
 * *out_count (may be NULL) how many are 1. With none: SMIPC_E_TIMED_OUT.
 * No descriptor and, for up to 127 channels (61 on Windows), no thread is used. */
SMIPC_API smipc_status smipc_wait(smipc_channel *const *channels, size_t count, int64_t timeout_ns,
                                  uint8_t *out_ready, size_t *out_count);

/* POSIX: a descriptor for select, poll and epoll that is readable while this
 * reader can be read without waiting. Owned by the handle, closed with it, never
 * to be read or closed by the caller. The first call starts the watcher thread
 * of the process. Elsewhere SMIPC_E_UNSUPPORTED. */
SMIPC_API smipc_status smipc_channel_fd(smipc_channel *channel, int32_t *out_fd);

/* Windows: the same as the handle of a manual-reset event, for the system's wait
 * functions and for event loops. Owned by the handle, closed with it, never to be
 * set or closed by the caller. Elsewhere SMIPC_E_UNSUPPORTED. */
SMIPC_API smipc_status smipc_channel_event(smipc_channel *channel, uint64_t *out_event);

/* ---- Listener --------------------------------------------------------------------- */

/* Called on the listener's thread. status SMIPC_OK: one message, or the bytes
 * that were there; `data` is valid during the call. Any other status: the
 * listener has ended for that reason (SMIPC_E_OPPOSITE_CLOSED, ...), data NULL.
 * Must not call smipc_channel_listen_stop, _close or _free of its own channel. */
typedef void (*smipc_listener)(void *context, const void *data, size_t size, smipc_status status);

/* Starts a thread that reads and calls back. While it is on, every other reading
 * call returns SMIPC_E_BUSY. A killed opposite end does not end the listener: a
 * successor is waited for, after one call with SMIPC_E_OPPOSITE_DIED. */
SMIPC_API smipc_status smipc_channel_listen(smipc_channel *channel, smipc_listener listener,
                                            void *context);

/* Stops the listener and waits for its thread. Nothing that was not handed to
 * the callback is consumed. Fine when there is none. */
SMIPC_API smipc_status smipc_channel_listen_stop(smipc_channel *channel);

/* ---- Looking inside ------------------------------------------------------------------ */

/* Counts are since creation, and exact but for what a killed process had not
 * added yet. Cursors count bytes of the ring, headers included. */
typedef struct smipc_channel_status {
  uint32_t struct_size; /* set by the caller to sizeof(smipc_channel_status) */
  uint32_t mode;
  uint32_t framing;
  uint32_t wait;
  uint32_t lifetime;
  uint32_t access;
  uint32_t writer_state; /* SMIPC_END_... */
  uint32_t reader_state;
  uint32_t writer_pid; /* 0: none yet. In the pid namespace of that process. */
  uint32_t reader_pid;
  uint32_t listener; /* 1: a listener is on, in this process */
  uint32_t is_open;  /* 0: this handle is closed; only the above and the name hold */
  uint64_t capacity_bytes;
  uint64_t used_bytes; /* of `limit_bytes`, headers included */
  uint64_t limit_bytes;
  uint64_t memory_bytes; /* what the segment takes of the machine */
  uint64_t write_cursor;
  uint64_t read_cursor;
  uint64_t messages_written; /* stream: calls */
  uint64_t messages_read;
  uint64_t bytes_written; /* payload */
  uint64_t bytes_read;
  uint64_t writer_waits;     /* times the writer found no room and had to wait */
  uint64_t reader_waits;     /* times the reader found nothing and had to wait */
  uint64_t high_water_bytes; /* the most the writer has seen used */
  uint64_t segment_handle;   /* where the segment is mapped */
  uint64_t read_event;       /* where a reader of this channel sleeps */
  uint64_t write_event;      /* where a writer of this channel sleeps */
} smipc_channel_status;

/* Fills *out, as much of it as out->struct_size covers. Works on closed
 * handles. Never blocks; asks the OS whether the opposite end is alive. */
SMIPC_API smipc_status smipc_channel_get_status(smipc_channel *channel, smipc_channel_status *out);

/* The line of print_status, NUL-terminated, into `buffer`; *out_size (may be
 * NULL) gets its length without the NUL. SMIPC_E_BUFFER_TOO_SMALL. */
SMIPC_API smipc_status smipc_channel_status_text(smipc_channel *channel, char *buffer,
                                                 size_t buffer_size, size_t *out_size);

/* ---- For language bindings ------------------------------------------------------------
 *
 * A call through a foreign-function interface costs more than a message. These
 * do the most in one call with few arguments. They follow the rules above. */

/* Sends one message without waiting (timeout 0). */
SMIPC_API smipc_status smipc_channel_try_send(smipc_channel *channel, const void *data,
                                              size_t size);

/* Sends `head` and, right behind it, `body` as one message. */
SMIPC_API smipc_status smipc_channel_send_two(smipc_channel *channel, const void *head,
                                              size_t head_size, const void *body, size_t body_size,
                                              int64_t timeout_ns);

/* Receives the next message if it is `head` (up to 512 bytes) followed by
 * `body_size` bytes, which go to `body`. SMIPC_E_NOT_FOUND: it is another one,
 * and stays. After any error the content of `body` is undefined. */
SMIPC_API smipc_status smipc_channel_recv_headed(smipc_channel *channel, const void *head,
                                                 size_t head_size, void *body, size_t body_size,
                                                 int64_t timeout_ns);

/* What smipc_channel_fetch filled in. */
typedef struct smipc_fetch_area {
  void *data; /* `size` bytes owned by the handle, until free */
  uint64_t size;
  uint16_t *taken; /* shared: how many messages of the batch are handed out */
} smipc_fetch_area;

/* Allocates the fetch area of a reader. Once per handle. */
SMIPC_API smipc_status smipc_channel_fetch_open(smipc_channel *channel, smipc_fetch_area *out);

/* fetch results: values of `fetch_kind` in bits 56..62, the rest is the value. */
#define SMIPC_FETCH_KIND_SHIFT 56
#define SMIPC_FETCH_ONE 0   /* one message, `value` bytes, copied to the area, taken */
#define SMIPC_FETCH_LIST 1  /* `value` bytes in the area: a marshal (version 2) list of bytes */
#define SMIPC_FETCH_LARGE 2 /* next message has `value` bytes and is not taken: use recv */

/* Takes what is there, up to a quarter of the ring, 255 messages and the area's
 * size, and gives
 * back the batch before it. After SMIPC_FETCH_LIST the messages of the list are
 * still the channel's until the binding stores 1, 2, ... to *taken, each just
 * before it hands a message on: a reader that is killed leaves the rest to its
 * successor. With more than 255 messages the rest stays for the next fetch.
 * Returns a status (negative) or a fetch result. */
SMIPC_API int64_t smipc_channel_fetch(smipc_channel *channel, int64_t timeout_ns);

/* As smipc_channel_fetch with a timeout of at most 200 ms, chosen so that the
 * caller can look after its own signals: SMIPC_E_TIMED_OUT then means go on. */
SMIPC_API int64_t smipc_channel_fetch_wait(smipc_channel *channel);

/* smipc_channel_fetch with a timeout of SMIPC_SOON, and of 0. */
SMIPC_API int64_t smipc_channel_fetch_soon(smipc_channel *channel);
SMIPC_API int64_t smipc_channel_fetch_now(smipc_channel *channel);

/* Sends the messages of a marshal (version 2) list of bytes objects, from item
 * `*inout_index` on; it gets the index of the first that has not gone.
 * SMIPC_E_INVALID when `blob` is no such list. */
SMIPC_API smipc_status smipc_channel_send_list(smipc_channel *channel, const void *blob,
                                               size_t blob_size, int64_t timeout_ns,
                                               size_t *inout_index);

/* The same from the first item on, waiting at most 200 ms, as smipc_channel_fetch_wait
 * does. Returns how many messages have gone, or a status (negative) if none has. */
SMIPC_API int64_t smipc_channel_send_list_wait(smipc_channel *channel, const void *blob,
                                               size_t blob_size);

/* The size_t that stands two of its kind before `data`, where CPython keeps the size of a
 * bytes object: for a binding to see that it does. */
SMIPC_API size_t smipc_size_before(const void *data);

/* smipc_channel_try_send of smipc_size_before(data) bytes; NULL: of none. */
SMIPC_API smipc_status smipc_channel_try_send_sized(smipc_channel *channel, const void *data);

/* Calls of one handle that do without the handle as an argument. */
typedef struct smipc_channel_calls {
  smipc_status (*try_send_sized)(const void *data);
  int64_t (*fetch_wait)(void);
  int64_t (*fetch_soon)(void);
  int64_t (*fetch_now)(void);
} smipc_channel_calls;

/* Fills *out with the handle's calls, the same ones each time: smipc_channel_ and the name,
 * called with `channel`. They are valid until smipc_channel_free, and go to another handle
 * afterwards. SMIPC_E_LIMIT: 256 handles of this process have them already, those
 * included that its parent had when it forked. SMIPC_E_INVALID, _FORKED. */
SMIPC_API smipc_status smipc_channel_bind(smipc_channel *channel, smipc_channel_calls *out);

/* Tells the handle that its owner waits for `smipc_channel_fd` or `_event` (or has
 * stopped to): spins `spins` polls first and returns SMIPC_OK when readable, else
 * arms it and returns SMIPC_E_TIMED_OUT. */
SMIPC_API smipc_status smipc_channel_fd_arm(smipc_channel *channel, uint32_t spins);

#ifdef __cplusplus
}
#endif

#include "smipc/circular_buffer.h"
#include "smipc/existence.h"
#include "smipc/memory.h"
#include "smipc/message_queue.h"
#include "smipc/rwlock.h"
#include "smipc/semaphore.h"
#include "smipc/structure.h"

#endif /* SMIPC_H */
