/* One end of a channel, driven by the command line, through smipc.h: for tests that pair languages.
 *
 *     channel_tool_c METHOD CHANNEL CAPACITY SEED SIZES
 *
 * Methods that send:     write | send send_parts send_many reserve try_send
 * Methods that receive:  read read_some read_listen | recv recv_parts recv_many peek next wait fd
 *                        listen
 * Those before the bar are of a stream, those behind it of a message channel. A sender flushes
 * before it closes. A receiver takes what SIZES says and then has to find the sender closed.
 * Both print the sum of what they sent or received (tool_pattern.h).
 */
#define _POSIX_C_SOURCE 200809L
#include <smipc.h>
#include <string.h>

#include "tool_pattern.h"
#if !defined(_WIN32)
#include <poll.h>
#endif

typedef struct tool {
  smipc_channel *channel;
  const char *name;
  uint64_t capacity;
  unsigned seed;
  tool_sizes sizes;
  tool_sum sum;
  unsigned char *buffer;   /* sizes.largest + 1 bytes */
  smipc_channel *finished; /* listener only: tells main that the sender has gone */
} tool;

static void must(smipc_status status, const char *what) {
  if (status == SMIPC_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, smipc_status_name(status), smipc_last_error());
  exit(1);
}

static void expect(int is_true, const char *what) {
  if (is_true) return;
  fprintf(stderr, "not true: %s\n", what);
  exit(1);
}

static smipc_channel *open_end(const char *name, uint32_t mode, uint64_t capacity,
                               uint32_t framing) {
  smipc_channel_options options;
  smipc_channel *channel;
  smipc_channel_options_init(&options);
  options.framing = framing;
  must(smipc_channel_open(name, strlen(name), mode, capacity, &options, &channel), "open");
  return channel;
}

/* ---- Sending ----------------------------------------------------------------------------------
 */

static void do_write(tool *t, size_t size) {
  size_t written = 0;
  must(smipc_channel_write(t->channel, t->buffer, size, SMIPC_FOREVER, &written), "write");
  expect(written == size, "write says that all was written");
}

static void do_send(tool *t, size_t size) {
  must(smipc_channel_send(t->channel, t->buffer, size, SMIPC_FOREVER), "send");
}

static void do_send_parts(tool *t, size_t size) {
  const size_t third = size / 3;
  smipc_buffer parts[4] = {
      {t->buffer, third}, {NULL, 0}, {t->buffer + third, third}, {t->buffer + 2 * third, 0}};
  uint64_t done = 0;
  parts[3].size = size - 2 * third;
  must(smipc_channel_send_parts(t->channel, parts, 4, SMIPC_FOREVER, &done), "send_parts");
}

static void do_reserve(tool *t, size_t size) {
  void *room;
  if (size > t->capacity) {
    do_send(t, size);
    return;
  }
  must(smipc_channel_reserve(t->channel, size, SMIPC_FOREVER, &room), "reserve");
  if (size > 0) memcpy(room, t->buffer, size);
  must(smipc_channel_commit(t->channel, size), "commit");
}

static void do_try_send(tool *t, size_t size) {
  smipc_status status;
  if (size > t->capacity) {
    do_send(t, size);
    return;
  }
  while ((status = smipc_channel_try_send(t->channel, t->buffer, size)) == SMIPC_E_TIMED_OUT)
    must(smipc_channel_flush(t->channel, SMIPC_FOREVER), "flush");
  must(status, "try_send");
}

static void send_each(tool *t, void (*send_one)(tool *, size_t)) {
  for (size_t i = 0; i < t->sizes.count; ++i) {
    tool_fill(t->buffer, t->sizes.items[i], i, t->seed);
    send_one(t, t->sizes.items[i]);
    tool_add_piece(&t->sum, t->buffer, t->sizes.items[i]);
  }
}

static void send_many(tool *t) {
  unsigned char *all = malloc(t->sizes.total + 1);
  smipc_buffer *messages = calloc(t->sizes.count, sizeof *messages);
  size_t used = 0;
  size_t sent = 0;
  expect(all != NULL && messages != NULL, "there is memory");
  for (size_t i = 0; i < t->sizes.count; ++i) {
    messages[i].data = all + used;
    messages[i].size = t->sizes.items[i];
    tool_fill(all + used, messages[i].size, i, t->seed);
    tool_add_piece(&t->sum, all + used, messages[i].size);
    used += messages[i].size;
  }
  must(smipc_channel_send_many(t->channel, messages, t->sizes.count, SMIPC_FOREVER, &sent),
       "send_many");
  expect(sent == t->sizes.count, "send_many says that all have gone");
  free(messages);
  free(all);
}

/* ---- Receiving ---------------------------------------------------------------------------------
 */

static void do_read(tool *t, size_t size) {
  must(smipc_channel_read(t->channel, t->buffer, size, SMIPC_FOREVER), "read");
  tool_add_piece(&t->sum, t->buffer, size);
}

static void do_recv(tool *t, size_t size) {
  size_t got = 0;
  if (size > 0) {
    /* Too small a buffer takes nothing and says what is needed. */
    expect(smipc_channel_recv(t->channel, t->buffer, size - 1, SMIPC_FOREVER, &got) ==
               SMIPC_E_BUFFER_TOO_SMALL,
           "a buffer that is too small is refused");
    expect(got == size, "recv says what it needs");
  }
  must(smipc_channel_recv(t->channel, t->buffer, size, SMIPC_FOREVER, &got), "recv");
  tool_add_piece(&t->sum, t->buffer, got);
}

static void do_recv_parts(tool *t, size_t size) {
  const size_t half = size / 2;
  smipc_buffer parts[3] = {{t->buffer, half}, {NULL, 0}, {t->buffer + half, 0}};
  size_t got = 0;
  parts[2].size = t->sizes.largest - half;
  must(smipc_channel_recv_parts(t->channel, parts, 3, SMIPC_FOREVER, &got), "recv_parts");
  tool_add_piece(&t->sum, t->buffer, got);
}

static void do_peek(tool *t, size_t size) {
  const void *data;
  const void *again;
  size_t got = 0;
  (void)size;
  must(smipc_channel_peek(t->channel, SMIPC_FOREVER, &data, &got), "peek");
  must(smipc_channel_peek(t->channel, 0, &again, &got), "peek again");
  expect(again == data, "peeking twice lends the same message");
  tool_add_piece(&t->sum, data, got);
  must(smipc_channel_release(t->channel), "release");
}

static void do_next(tool *t, size_t size) {
  unsigned char first = 0;
  size_t got = 0;
  size_t prefix = 0;
  must(smipc_channel_next(t->channel, &first, 1, SMIPC_FOREVER, &got, &prefix), "next");
  expect(got == size, "next says the size");
  /* Of a message larger than the channel nothing need have arrived in one piece yet. */
  if (size <= t->capacity) expect(prefix == (size > 0 ? 1u : 0u), "next copies the first byte");
  must(smipc_channel_recv(t->channel, t->buffer, got, SMIPC_FOREVER, &got), "recv");
  expect(prefix == 0 || t->buffer[0] == first, "the first byte was the message's");
  tool_add_piece(&t->sum, t->buffer, got);
}

static void do_wait(tool *t, size_t size) {
  uint8_t ready = 0;
  size_t count = 0;
  must(smipc_wait(&t->channel, 1, SMIPC_FOREVER, &ready, &count), "wait");
  expect(ready == 1 && count == 1, "wait names the channel");
  /* A message larger than the channel is still on its way. */
  must(smipc_channel_recv(t->channel, t->buffer, t->sizes.largest,
                          size > t->capacity ? SMIPC_FOREVER : 0, &count),
       "recv");
  tool_add_piece(&t->sum, t->buffer, count);
}

#if !defined(_WIN32)
static void do_fd(tool *t, size_t size) {
  struct pollfd ready = {-1, POLLIN, 0};
  int32_t descriptor = -1;
  must(smipc_channel_fd(t->channel, &descriptor), "fd");
  ready.fd = (int)descriptor;
  expect(poll(&ready, 1, -1) == 1, "poll finds the descriptor readable");
  do_wait(t, size);
}
#endif

static void receive_each(tool *t, void (*receive_one)(tool *, size_t)) {
  for (size_t i = 0; i < t->sizes.count; ++i) receive_one(t, t->sizes.items[i]);
}

static void read_some(tool *t) {
  while (t->sum.bytes < t->sizes.total) {
    size_t got = 0;
    must(smipc_channel_read_some(t->channel, t->buffer, t->sizes.largest, SMIPC_FOREVER, &got),
         "read_some");
    expect(got > 0 && got <= t->sizes.largest, "read_some gives at least one byte");
    tool_add_bytes(&t->sum, t->buffer, got);
  }
}

static void recv_many(tool *t) {
  smipc_buffer messages[16];
  while (t->sum.count < t->sizes.count) {
    size_t count = 0;
    size_t needed = 0;
    must(smipc_channel_recv_many(t->channel, t->buffer, t->sizes.largest + 1, 16, SMIPC_FOREVER,
                                 messages, &count, &needed),
         "recv_many");
    expect(count > 0 && count <= 16, "recv_many gives at least one message");
    for (size_t i = 0; i < count; ++i) tool_add_piece(&t->sum, messages[i].data, messages[i].size);
  }
}

/* Runs on the listener's thread; main reads the sum after listen_stop. */
static void on_data(void *context, const void *data, size_t size, smipc_status status) {
  tool *t = context;
  if (status == SMIPC_OK) {
    tool_add_piece(&t->sum, data, size);
  } else {
    must(smipc_channel_send(t->finished, &status, sizeof status, 0), "send from the listener");
  }
}

static void listen_to_the_end(tool *t) {
  char name[SMIPC_MAX_NAME + 1];
  smipc_channel *finished;
  smipc_status end = SMIPC_OK;
  size_t size = 0;
  snprintf(name, sizeof name, "%.180s-finished", t->name);
  t->finished = open_end(name, SMIPC_WRITER, 64, SMIPC_MESSAGE);
  finished = open_end(name, SMIPC_READER, 64, SMIPC_MESSAGE);
  must(smipc_channel_listen(t->channel, on_data, t), "listen");
  must(smipc_channel_recv(finished, &end, sizeof end, SMIPC_FOREVER, &size), "wait for the end");
  must(smipc_channel_listen_stop(t->channel), "listen_stop");
  expect(end == SMIPC_E_OPPOSITE_CLOSED, "the listener ends because the sender has closed");
  smipc_channel_free(finished);
  smipc_channel_free(t->finished);
}

/* ---- Command line
 * -------------------------------------------------------------------------------- */

static void expect_closed(tool *t, uint32_t framing) {
  size_t got = 0;
  smipc_status status = framing == SMIPC_STREAM
                            ? smipc_channel_read_some(t->channel, t->buffer, 1, SMIPC_FOREVER, &got)
                            : smipc_channel_recv(t->channel, t->buffer, 1, SMIPC_FOREVER, &got);
  expect(status == SMIPC_E_OPPOSITE_CLOSED, "the sender is found closed at the end");
}

typedef struct method {
  const char *name;
  uint32_t mode;
  uint32_t framing;
  void (*each)(tool *, size_t);
  void (*all)(tool *);
} method;

static const method kMethods[] = {
    {"write", SMIPC_WRITER, SMIPC_STREAM, do_write, NULL},
    {"send", SMIPC_WRITER, SMIPC_MESSAGE, do_send, NULL},
    {"send_parts", SMIPC_WRITER, SMIPC_MESSAGE, do_send_parts, NULL},
    {"send_many", SMIPC_WRITER, SMIPC_MESSAGE, NULL, send_many},
    {"reserve", SMIPC_WRITER, SMIPC_MESSAGE, do_reserve, NULL},
    {"try_send", SMIPC_WRITER, SMIPC_MESSAGE, do_try_send, NULL},
    {"read", SMIPC_READER, SMIPC_STREAM, do_read, NULL},
    {"read_some", SMIPC_READER, SMIPC_STREAM, NULL, read_some},
    {"read_listen", SMIPC_READER, SMIPC_STREAM, NULL, listen_to_the_end},
    {"recv", SMIPC_READER, SMIPC_MESSAGE, do_recv, NULL},
    {"recv_parts", SMIPC_READER, SMIPC_MESSAGE, do_recv_parts, NULL},
    {"recv_many", SMIPC_READER, SMIPC_MESSAGE, NULL, recv_many},
    {"peek", SMIPC_READER, SMIPC_MESSAGE, do_peek, NULL},
    {"next", SMIPC_READER, SMIPC_MESSAGE, do_next, NULL},
    {"wait", SMIPC_READER, SMIPC_MESSAGE, do_wait, NULL},
#if !defined(_WIN32)
    {"fd", SMIPC_READER, SMIPC_MESSAGE, do_fd, NULL},
#endif
    {"listen", SMIPC_READER, SMIPC_MESSAGE, NULL, listen_to_the_end},
};

static void run(tool *t, const method *m) {
  t->channel = open_end(t->name, m->mode, t->capacity, m->framing);
  if (m->all != NULL) {
    m->all(t);
  } else if (m->mode == SMIPC_WRITER) {
    send_each(t, m->each);
  } else {
    receive_each(t, m->each);
  }
  if (m->mode == SMIPC_WRITER) {
    must(smipc_channel_flush(t->channel, SMIPC_FOREVER), "flush");
  } else {
    expect_closed(t, m->framing);
  }
  smipc_channel_free(t->channel);
}

int main(int argc, char **argv) {
  tool t;
  expect(argc == 6, "the arguments are METHOD CHANNEL CAPACITY SEED SIZES");
  memset(&t, 0, sizeof t);
  t.name = argv[2];
  t.capacity = strtoull(argv[3], NULL, 10);
  t.seed = (unsigned)strtoul(argv[4], NULL, 10);
  t.sizes = tool_parse_sizes(argv[5]);
  t.buffer = malloc(t.sizes.largest + 1);
  expect(t.buffer != NULL, "there is memory");
  for (size_t i = 0; i < sizeof kMethods / sizeof *kMethods; ++i) {
    if (strcmp(argv[1], kMethods[i].name) == 0) {
      run(&t, &kMethods[i]);
      tool_print(&t.sum);
      free(t.buffer);
      free(t.sizes.items);
      return 0;
    }
  }
  fprintf(stderr, "no method %s\n", argv[1]);
  return 2;
}
