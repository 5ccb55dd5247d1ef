/* Every function of smipc.h from C99, both ends in one process: does each do what its comment says?
 *
 *     api_c PREFIX
 *
 * The names of its channels begin with PREFIX. Prints how much was checked; exits with 1 at the
 * first thing that is not as it should be.
 */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *prefix;
static int checks = 0;

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
#define CHECK_STATUS(call, wanted) check_status((call), (wanted), #call, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(call, SMIPC_OK)

static void check(int is_true, const char *what, int line) {
  ++checks;
  if (is_true) return;
  fprintf(stderr, "api_c.c:%d: not true: %s\n", line, what);
  exit(1);
}

static void check_status(smipc_status status, smipc_status wanted, const char *what, int line) {
  ++checks;
  if (status == wanted) return;
  fprintf(stderr, "api_c.c:%d: %s\n  gave %s (%s), not %s\n", line, what, smipc_status_name(status),
          smipc_last_error(), smipc_status_name(wanted));
  exit(1);
}

static smipc_status open_named(const char *suffix, uint32_t mode, uint64_t capacity,
                               uint32_t framing, smipc_channel **out) {
  char name[SMIPC_MAX_NAME + 1];
  smipc_channel_options options;
  smipc_channel_options_init(&options);
  CHECK(options.struct_size == sizeof options);
  options.framing = framing;
  snprintf(name, sizeof name, "%s-%s", prefix, suffix);
  return smipc_channel_open(name, strlen(name), mode, capacity, &options, out);
}

typedef struct pair {
  smipc_channel *w;
  smipc_channel *r;
} pair;

static pair open_pair(const char *suffix, uint64_t capacity, uint32_t framing) {
  pair p;
  CHECK_OK(open_named(suffix, SMIPC_WRITER, capacity, framing, &p.w));
  CHECK_OK(open_named(suffix, SMIPC_READER, capacity, framing, &p.r));
  return p;
}

static void free_pair(pair p) {
  smipc_channel_free(p.w);
  smipc_channel_free(p.r);
}

static void library(void) {
  size_t removed = 12345;
  CHECK(smipc_abi_version() == SMIPC_ABI_VERSION);
  CHECK(strchr(smipc_version(), '.') != NULL);
  CHECK_OK(smipc_init(SMIPC_LOG_DISABLE));
  CHECK_STATUS(smipc_init(17), SMIPC_E_INVALID);
  for (smipc_status status = SMIPC_E_INTERNAL; status <= SMIPC_OK; ++status) {
    CHECK(strncmp(smipc_status_name(status), "SMIPC_", 6) == 0);
    CHECK(strcmp(smipc_status_name(status), "SMIPC_E_UNKNOWN") != 0);
    CHECK(strlen(smipc_status_message(status)) > 1);
  }
  CHECK(strcmp(smipc_status_name(-999), "SMIPC_E_UNKNOWN") == 0);
  CHECK_OK(smipc_clean_stale(&removed));
  CHECK(removed != 12345);
  CHECK_OK(smipc_clean_stale(NULL));
}

static void opening(void) {
  char long_name[SMIPC_MAX_NAME + 1];
  smipc_channel *channel = (smipc_channel *)long_name;
  pair p = open_pair("open", 20, SMIPC_STREAM);
  memset(long_name, 'x', sizeof long_name);

  CHECK_STATUS(smipc_channel_open("", 0, SMIPC_READER, 20, NULL, &channel), SMIPC_E_INVALID);
  CHECK(channel == NULL);
  CHECK_STATUS(smipc_channel_open("a\0b", 3, SMIPC_READER, 20, NULL, &channel), SMIPC_E_INVALID);
  CHECK_STATUS(smipc_channel_open(long_name, sizeof long_name, SMIPC_READER, 20, NULL, &channel),
               SMIPC_E_INVALID);
  CHECK_STATUS(open_named("other", 2, 20, SMIPC_STREAM, &channel), SMIPC_E_INVALID);
  CHECK_STATUS(open_named("other", SMIPC_READER, 0, SMIPC_STREAM, &channel), SMIPC_E_INVALID);
  CHECK_STATUS(open_named("other", SMIPC_READER, 20, 7, &channel), SMIPC_E_INVALID);
  CHECK_STATUS(open_named("open", SMIPC_WRITER, 20, SMIPC_STREAM, &channel), SMIPC_E_END_TAKEN);
  CHECK(strstr(smipc_last_error(), "open") != NULL);
  CHECK_OK(smipc_channel_close(p.r));
  CHECK_STATUS(open_named("open", SMIPC_READER, 20, SMIPC_MESSAGE, &channel),
               SMIPC_E_WRONG_FRAMING);
  CHECK_OK(open_named("open", SMIPC_READER, 999, SMIPC_STREAM, &channel)); /* a successor */
  smipc_channel_free(channel);
  smipc_channel_free(NULL);
  free_pair(p);
}

static void stream(void) {
  pair p = open_pair("stream", 20, SMIPC_STREAM);
  char buffer[64];
  size_t size = 99;

  CHECK_STATUS(smipc_channel_read_some(p.r, buffer, sizeof buffer, 0, &size), SMIPC_E_TIMED_OUT);
  CHECK_OK(smipc_channel_read_some(p.r, buffer, 0, 0, &size));
  CHECK(size == 0);
  CHECK_OK(smipc_channel_write(p.w, "0123456789", 10, 0, &size));
  CHECK(size == 10);
  CHECK_STATUS(smipc_channel_write(p.w, "abcdefghijk", 11, 0, &size), SMIPC_E_TIMED_OUT);
  CHECK(size == 0); /* it fits the channel, so it is all or nothing */
  CHECK_STATUS(smipc_channel_read(p.r, buffer, 11, 0), SMIPC_E_TIMED_OUT);
  CHECK_OK(smipc_channel_read(p.r, buffer, 4, 0));
  CHECK(memcmp(buffer, "0123", 4) == 0);
  CHECK_OK(smipc_channel_read_some(p.r, buffer, sizeof buffer, 0, &size));
  CHECK(size == 6 && memcmp(buffer, "456789", 6) == 0);
  CHECK_OK(smipc_channel_flush(p.w, 0));
  CHECK_OK(smipc_channel_write(p.w, "ABCD", 4, 0, NULL));
  CHECK_STATUS(smipc_channel_flush(p.w, 0), SMIPC_E_TIMED_OUT);
  CHECK_OK(smipc_channel_read(p.r, buffer, 4, 0));

  memset(buffer, 'z', sizeof buffer);
  CHECK_STATUS(smipc_channel_write(p.w, buffer, 50, 0, &size), SMIPC_E_TIMED_OUT);
  CHECK(size == 20); /* larger than the channel: a part has gone */

  CHECK_STATUS(smipc_channel_write(p.r, "x", 1, 0, NULL), SMIPC_E_WRONG_END);
  CHECK_STATUS(smipc_channel_read(p.w, buffer, 1, 0), SMIPC_E_WRONG_END);
  CHECK_STATUS(smipc_channel_send(p.w, "x", 1, 0), SMIPC_E_WRONG_FRAMING);
  CHECK_STATUS(smipc_channel_recv(p.r, buffer, 1, 0, &size), SMIPC_E_WRONG_FRAMING);
  CHECK_STATUS(smipc_channel_write(p.w, "x", 1, -3, NULL), SMIPC_E_INVALID);
  CHECK_STATUS(smipc_channel_write(p.w, NULL, 1, 0, NULL), SMIPC_E_INVALID);
  free_pair(p);
}

static void messages(void) {
  pair p = open_pair("messages", 256, SMIPC_MESSAGE);
  const smipc_buffer parts[2] = {{"ab", 2}, {"cde", 3}};
  char buffer[64];
  smipc_buffer places[2] = {{NULL, 2}, {NULL, 62}};
  smipc_buffer batch[4];
  size_t size = 0, count = 0, needed = 0;
  places[0].data = buffer;
  places[1].data = buffer + 2;

  CHECK_OK(smipc_channel_send(p.w, NULL, 0, 0));
  CHECK_OK(smipc_channel_try_send(p.w, "hello", 5));
  CHECK_OK(smipc_channel_send_parts(p.w, parts, 2, 0, NULL));
  CHECK_OK(smipc_channel_send_many(p.w, parts, 2, 0, &count));
  CHECK(count == 2);

  CHECK_OK(smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size));
  CHECK(size == 0);
  CHECK_STATUS(smipc_channel_recv(p.r, buffer, 4, 0, &size), SMIPC_E_BUFFER_TOO_SMALL);
  CHECK(size == 5);
  CHECK_OK(smipc_channel_next(p.r, buffer, 2, 0, &size, &count));
  CHECK(size == 5 && count == 2 && memcmp(buffer, "he", 2) == 0);
  CHECK_OK(smipc_channel_recv_parts(p.r, places, 2, 0, &size));
  CHECK(size == 5 && memcmp(buffer, "hello", 5) == 0);
  CHECK_STATUS(smipc_channel_recv_many(p.r, buffer, 4, 4, 0, batch, &count, &needed),
               SMIPC_E_BUFFER_TOO_SMALL);
  CHECK(needed == 5);
  CHECK_OK(smipc_channel_recv_many(p.r, buffer, 8, 4, 0, batch, &count, &needed));
  CHECK(count == 2); /* of three: the last does not fit */
  CHECK(batch[0].size == 5 && memcmp(batch[0].data, "abcde", 5) == 0);
  CHECK(batch[1].size == 2 && memcmp(batch[1].data, "ab", 2) == 0);
  CHECK_OK(smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size));
  CHECK(size == 3 && memcmp(buffer, "cde", 3) == 0);
  CHECK_STATUS(smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size), SMIPC_E_TIMED_OUT);
  CHECK_STATUS(smipc_channel_write(p.w, "x", 1, 0, NULL), SMIPC_E_WRONG_FRAMING);
  free_pair(p);
}

/* One thread plays both sides of a message that passes in pieces. */
static void message_larger_than_the_channel(void) {
  enum { kSize = 1000 };
  pair p = open_pair("large", 64, SMIPC_MESSAGE);
  char data[kSize], buffer[kSize];
  const smipc_buffer part = {data, kSize};
  uint64_t done = 0;
  size_t size = 0;
  smipc_status sent = SMIPC_E_TIMED_OUT, received = SMIPC_E_TIMED_OUT;
  for (int i = 0; i < kSize; ++i) data[i] = (char)(i % 101);

  for (int round = 0; round < 10 * kSize && received != SMIPC_OK; ++round) {
    const uint64_t before = done;
    if (sent != SMIPC_OK) sent = smipc_channel_send_parts(p.w, &part, 1, 0, &done);
    CHECK(sent == SMIPC_OK || sent == SMIPC_E_TIMED_OUT);
    CHECK(sent == SMIPC_OK || done >= before);
    received = smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size);
    CHECK(received == SMIPC_OK || received == SMIPC_E_TIMED_OUT);
  }
  CHECK_OK(received);
  CHECK(size == kSize && memcmp(buffer, data, kSize) == 0);
  if (sent != SMIPC_OK) CHECK_OK(smipc_channel_send_parts(p.w, &part, 1, 0, &done));

  /* One that is given up is never seen. */
  CHECK_STATUS(smipc_channel_send(p.w, data, kSize, 0), SMIPC_E_TIMED_OUT);
  for (int round = 0; round < 100; ++round) {
    sent = smipc_channel_send(p.w, "next", 4, 0);
    received = smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size);
    if (sent == SMIPC_OK || received == SMIPC_OK) break;
  }
  if (received != SMIPC_OK) CHECK_OK(smipc_channel_recv(p.r, buffer, sizeof buffer, 0, &size));
  CHECK(size == 4 && memcmp(buffer, "next", 4) == 0);
  free_pair(p);
}

static void zero_copy(void) {
  pair p = open_pair("zero-copy", 64, SMIPC_MESSAGE);
  void *room;
  const void *view, *again;
  size_t size = 0;

  CHECK_STATUS(smipc_channel_reserve(p.w, 65, 0, &room), SMIPC_E_INVALID);
  CHECK_STATUS(smipc_channel_commit(p.w, 0), SMIPC_E_INVALID);
  CHECK_OK(smipc_channel_reserve(p.w, 64, 0, &room));
  CHECK((uintptr_t)room % 8 == 0);
  CHECK_STATUS(smipc_channel_send(p.w, "x", 1, 0), SMIPC_E_BUSY);
  CHECK_STATUS(smipc_channel_commit(p.w, 65), SMIPC_E_INVALID);
  memcpy(room, "in place", 8);
  CHECK_OK(smipc_channel_commit(p.w, 8));
  CHECK_STATUS(smipc_channel_reserve(p.w, 64, 0, &room), SMIPC_E_TIMED_OUT);

  CHECK_OK(smipc_channel_peek(p.r, 0, &view, &size));
  CHECK(size == 8 && memcmp(view, "in place", 8) == 0 && (uintptr_t)view % 8 == 0);
  CHECK_OK(smipc_channel_peek(p.r, 0, &again, &size));
  CHECK(again == view);
  CHECK_OK(smipc_channel_release(p.r));
  CHECK_STATUS(smipc_channel_peek(p.r, 0, &view, &size), SMIPC_E_TIMED_OUT);

  CHECK_OK(smipc_channel_reserve(p.w, 64, 0, &room));
  CHECK_OK(smipc_channel_abort(p.w));
  CHECK_STATUS(smipc_channel_peek(p.r, 0, &view, &size), SMIPC_E_TIMED_OUT);
  free_pair(p);
}

static void waiting(void) {
  pair a = open_pair("wait-a", 64, SMIPC_MESSAGE);
  pair b = open_pair("wait-b", 64, SMIPC_STREAM);
  smipc_channel *const readers[2] = {a.r, b.r};
  uint8_t ready[2] = {9, 9};
  size_t count = 9;

  CHECK_STATUS(smipc_wait(readers, 2, 0, ready, &count), SMIPC_E_TIMED_OUT);
  CHECK_OK(smipc_channel_write(b.w, "x", 1, 0, NULL));
  CHECK_OK(smipc_wait(readers, 2, SMIPC_FOREVER, ready, &count));
  CHECK(count == 1 && ready[0] == 0 && ready[1] == 1);
  CHECK_OK(smipc_channel_close(a.w)); /* that can be read too: it says so */
  CHECK_OK(smipc_wait(readers, 2, 0, ready, NULL));
  CHECK(ready[0] == 1 && ready[1] == 1);
  {
    int32_t fd = -1, same_fd = -2;
    uint64_t event = 0, same_event = 1;
#if defined(_WIN32)
    CHECK_STATUS(smipc_channel_fd(b.r, &fd), SMIPC_E_UNSUPPORTED);
    CHECK_OK(smipc_channel_event(b.r, &event));
    CHECK_OK(smipc_channel_event(b.r, &same_event));
    CHECK(event != 0 && event == same_event);
    CHECK_OK(smipc_interrupt_bind(0, 0));
    (void)same_fd;
#else
    CHECK_OK(smipc_channel_fd(b.r, &fd));
    CHECK_OK(smipc_channel_fd(b.r, &same_fd));
    CHECK(fd >= 0 && fd == same_fd);
    CHECK_STATUS(smipc_channel_event(b.r, &event), SMIPC_E_UNSUPPORTED);
    CHECK_STATUS(smipc_interrupt_bind(0, 0), SMIPC_E_UNSUPPORTED);
    (void)same_event;
#endif
    CHECK_OK(smipc_channel_fd_arm(b.r, 10));
  }
  free_pair(a);
  free_pair(b);
}

typedef struct heard {
  smipc_channel *tell_main;
  char text[16];
  size_t size;
} heard;

static void on_data(void *context, const void *data, size_t size, smipc_status status) {
  heard *h = context;
  if (status == SMIPC_OK && size <= sizeof h->text) {
    memcpy(h->text, data, size);
    h->size = size;
  }
  (void)smipc_channel_write(h->tell_main, &status, sizeof status, 0, NULL);
}

static void listener(void) {
  pair p = open_pair("listener", 64, SMIPC_MESSAGE);
  pair told = open_pair("told", 64, SMIPC_STREAM);
  heard h = {told.w, "", 0};
  char buffer[8];
  size_t size = 0;
  smipc_status said = 1;

  CHECK_OK(smipc_channel_listen_stop(p.r)); /* fine without one */
  CHECK_OK(smipc_channel_listen(p.r, on_data, &h));
  CHECK_STATUS(smipc_channel_listen(p.r, on_data, &h), SMIPC_E_BUSY);
  CHECK_STATUS(smipc_channel_recv(p.r, buffer, 8, 0, &size), SMIPC_E_BUSY);
  CHECK_OK(smipc_channel_send(p.w, "called", 6, 0));
  CHECK_OK(smipc_channel_read(told.r, &said, sizeof said, SMIPC_FOREVER));
  CHECK_OK(smipc_channel_listen_stop(p.r));
  CHECK(said == SMIPC_OK && h.size == 6 && memcmp(h.text, "called", 6) == 0);
  CHECK_OK(smipc_channel_send(p.w, "by hand", 7, 0)); /* and by hand again */
  CHECK_OK(smipc_channel_recv(p.r, buffer, 8, 0, &size));
  CHECK(size == 7);

  CHECK_OK(smipc_channel_listen(p.r, on_data, &h));
  CHECK_OK(smipc_channel_close(p.w));
  CHECK_OK(smipc_channel_read(told.r, &said, sizeof said, SMIPC_FOREVER));
  CHECK(said == SMIPC_E_OPPOSITE_CLOSED);
  free_pair(p);
  free_pair(told);
}

static void looking_inside(void) {
  pair p = open_pair("status", 64, SMIPC_MESSAGE);
  smipc_channel_status status;
  char text[1024];
  size_t size = 0;
  memset(&status, 0xff, sizeof status);
  status.struct_size = sizeof status;
  CHECK_OK(smipc_channel_send(p.w, "12345", 5, 0));
  CHECK_OK(smipc_channel_get_status(p.r, &status));
  CHECK(status.mode == SMIPC_READER && status.framing == SMIPC_MESSAGE);
  CHECK(status.writer_state == SMIPC_END_OPEN && status.reader_state == SMIPC_END_OPEN);
  CHECK(status.writer_pid != 0 && status.writer_pid == status.reader_pid);
  CHECK(status.capacity_bytes == 64 && status.is_open == 1 && status.listener == 0);
  CHECK(status.messages_read == 0 && status.bytes_read == 0);
  CHECK(status.used_bytes > 0 && status.used_bytes <= status.limit_bytes);
  CHECK(status.memory_bytes >= 64);

  CHECK_OK(smipc_channel_get_status(p.w, &status));
  CHECK(status.mode == SMIPC_WRITER);
  CHECK(status.messages_written == 1 && status.bytes_written == 5);

  status.writer_state = 0xffffffff; /* beyond what the size below covers */
  status.struct_size = offsetof(smipc_channel_status, writer_state);
  CHECK_OK(smipc_channel_get_status(p.r, &status));
  CHECK(status.writer_state == 0xffffffff);

  CHECK_OK(smipc_channel_status_text(p.r, text, sizeof text, &size));
  CHECK(strlen(text) == size && strncmp(text, "Channel(", 8) == 0);
  CHECK(strstr(text, "mode=R") != NULL && strstr(text, "state=normal") != NULL);
  CHECK_STATUS(smipc_channel_status_text(p.r, text, 4, &size), SMIPC_E_BUFFER_TOO_SMALL);
  free_pair(p);
}

static void ends(void) {
  pair p = open_pair("ends", 64, SMIPC_MESSAGE);
  char buffer[8], name[SMIPC_MAX_NAME + 1];
  size_t size = 0;
  CHECK_OK(smipc_channel_send(p.w, "last", 4, 0));
  CHECK_OK(smipc_channel_close(p.w));
  CHECK_OK(smipc_channel_close(p.w));
  CHECK_STATUS(smipc_channel_send(p.w, "x", 1, 0), SMIPC_E_CLOSED);
  CHECK_OK(smipc_channel_recv(p.r, buffer, 8, 0, &size)); /* drained first */
  CHECK_STATUS(smipc_channel_recv(p.r, buffer, 8, 0, &size), SMIPC_E_OPPOSITE_CLOSED);
  smipc_channel_free(p.w);
  CHECK_OK(open_named("ends", SMIPC_WRITER, 64, SMIPC_MESSAGE, &p.w)); /* it comes back */
  CHECK_OK(smipc_channel_send(p.w, "again", 5, 0));
  CHECK_OK(smipc_channel_recv(p.r, buffer, 8, 0, &size));
  CHECK(size == 5);
  CHECK_OK(smipc_channel_close(p.r));
  CHECK_STATUS(smipc_channel_send(p.w, "x", 1, 0), SMIPC_E_OPPOSITE_CLOSED);
  free_pair(p);

  snprintf(name, sizeof name, "%s-ends", prefix); /* gone with its last end */
  CHECK_STATUS(smipc_channel_unlink(name, strlen(name)), SMIPC_E_NOT_FOUND);
  p = open_pair("ends", 64, SMIPC_STREAM);
  CHECK_OK(smipc_channel_unlink(name, strlen(name)));
  CHECK_OK(smipc_channel_write(p.w, "x", 1, 0, NULL)); /* these two go on with each other */
  CHECK_OK(smipc_channel_read(p.r, buffer, 1, 0));
  free_pair(p);

  p = open_pair("ends", 64, SMIPC_STREAM);
  CHECK_OK(smipc_clean());
  CHECK_STATUS(smipc_channel_write(p.w, "x", 1, 0, NULL), SMIPC_E_CLOSED);
  free_pair(p);
}

static void for_bindings(void) {
  /* A marshal (version 2) list of two bytes objects, "a" and "bc". */
  static const unsigned char kList[] = {'[', 2,   0,   0, 0, 's', 1, 0,   0,
                                        0,   'a', 's', 2, 0, 0,   0, 'b', 'c'};
  pair p = open_pair("bindings", 256, SMIPC_MESSAGE);
  smipc_fetch_area area;
  char body[4];
  int64_t result;
  size_t index = 0;
  CHECK_OK(smipc_channel_fetch_open(p.r, &area));
  CHECK(smipc_channel_fetch(p.r, 0) == SMIPC_E_TIMED_OUT);
  CHECK(smipc_channel_fetch_wait(p.r) == SMIPC_E_TIMED_OUT);
  CHECK(smipc_channel_fetch_soon(p.r) == SMIPC_E_TIMED_OUT);
  CHECK(smipc_channel_fetch_now(p.r) == SMIPC_E_TIMED_OUT);
  CHECK_STATUS(smipc_channel_recv(p.r, NULL, 0, SMIPC_SOON, &index), SMIPC_E_TIMED_OUT);
  CHECK_OK(smipc_channel_try_send(p.w, "one", 3));
  result = smipc_channel_fetch(p.r, 0);
  CHECK(result >> SMIPC_FETCH_KIND_SHIFT == SMIPC_FETCH_ONE);
  CHECK((result & 0xffffffff) == 3 && memcmp(area.data, "one", 3) == 0);

  CHECK_OK(smipc_channel_send_list(p.w, kList, sizeof kList, 0, &index));
  CHECK(index == 2);
  index = 0;
  CHECK_STATUS(smipc_channel_send_list(p.w, kList + 5, 6, 0, &index), SMIPC_E_INVALID);
  CHECK(index == 0);
  result = smipc_channel_fetch(p.r, 0);
  CHECK(result >> SMIPC_FETCH_KIND_SHIFT == SMIPC_FETCH_LIST);
  CHECK((result & 0xffffffff) == (int64_t)sizeof kList);
  CHECK(memcmp(area.data, kList, sizeof kList) == 0);
  *area.taken = 2;
  CHECK(smipc_channel_fetch(p.r, 0) == SMIPC_E_TIMED_OUT);
  CHECK(smipc_channel_send_list_wait(p.w, kList, sizeof kList) == 2);
  CHECK(smipc_channel_fetch(p.r, 0) >> SMIPC_FETCH_KIND_SHIFT == SMIPC_FETCH_LIST);
  *area.taken = 2;
  CHECK(smipc_channel_send_list_wait(p.w, kList + 5, 6) == SMIPC_E_INVALID);

  CHECK_OK(smipc_channel_send_two(p.w, "head", 4, "body", 4, 0));
  CHECK_STATUS(smipc_channel_recv_headed(p.r, "HEAD", 4, body, 4, 0), SMIPC_E_NOT_FOUND);
  CHECK_OK(smipc_channel_recv_headed(p.r, "head", 4, body, 4, 0));
  CHECK(memcmp(body, "body", 4) == 0);

  smipc_channel_calls writer;
  smipc_channel_calls reader;
  static const struct {
    size_t size;
    size_t between;
    char text[4];
  } kSized = {3, 0, "abc"};
  CHECK(smipc_size_before(kSized.text) == 3);
  CHECK_OK(smipc_channel_bind(p.w, &writer));
  CHECK_OK(smipc_channel_bind(p.r, &reader));
  CHECK_OK(smipc_channel_try_send_sized(p.w, kSized.text));
  CHECK((reader.fetch_now() & 0xffffffff) == 3);
  CHECK_OK(writer.try_send_sized(kSized.text));
  CHECK((reader.fetch_wait() & 0xffffffff) == 3);
  CHECK(reader.fetch_soon() == SMIPC_E_TIMED_OUT);
  free_pair(p);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  prefix = argv[1];
  library();
  opening();
  stream();
  messages();
  message_larger_than_the_channel();
  zero_copy();
  waiting();
  listener();
  looking_inside();
  ends();
  for_bindings();
  printf("%d checks\n", checks);
  return 0;
}
