/* Makes so many calls of one kind, and nothing else that grows with their number: for
 * test_instructions.py, which counts what they take.
 *
 *     count_tool OBJECT GIVEN TAKEN BYTES
 *
 * "compiler" as the only argument: says which one built this, and so the library beside it. */
#include <smipc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <process.h>
#define getpid _getpid
#else
#include <unistd.h>
#endif

enum { kMostBytes = 4096, kMostCalls = 20000, kListLength = 32 };

static unsigned char g_bytes[kListLength * kMostBytes];
static char g_name[64];

static void check(smipc_status status) {
  if (status != SMIPC_OK) {
    fprintf(stderr, "count_tool: %s\n", smipc_last_error());
    exit(3);
  }
}

static smipc_channel *channel_end(uint32_t mode) {
  smipc_channel_options options;
  smipc_channel *end = NULL;
  smipc_channel_options_init(&options);
  options.framing = SMIPC_MESSAGE;
  check(smipc_channel_open(g_name, strlen(g_name), mode, 1u << 24, &options, &end));
  return end;
}

static void channel(size_t given, size_t taken, size_t size) {
  smipc_channel *writer = channel_end(SMIPC_WRITER);
  smipc_channel *reader = channel_end(SMIPC_READER);
  size_t received = 0;
  for (size_t i = 0; i < given; ++i) {
    memcpy(g_bytes, &i, sizeof i); /* as a program does that fills in a structure */
    check(smipc_channel_send(writer, g_bytes, size, SMIPC_FOREVER));
  }
  for (size_t i = 0; i < taken; ++i) {
    check(smipc_channel_recv(reader, g_bytes, sizeof g_bytes, SMIPC_FOREVER, &received));
  }
  smipc_channel_free(writer);
  smipc_channel_free(reader);
}

static void lists(size_t given, size_t taken, size_t size) {
  smipc_channel *writer = channel_end(SMIPC_WRITER);
  smipc_channel *reader = channel_end(SMIPC_READER);
  smipc_buffer messages[kListLength];
  size_t count = 0;
  for (size_t i = 0; i < kListLength; ++i) {
    messages[i].data = g_bytes + i * size;
    messages[i].size = size;
  }
  for (size_t i = 0; i < given; ++i) {
    check(smipc_channel_send_many(writer, messages, kListLength, SMIPC_FOREVER, &count));
  }
  for (size_t i = 0; i < taken; ++i) {
    check(smipc_channel_recv_many(reader, g_bytes, sizeof g_bytes, kListLength, SMIPC_FOREVER,
                                  messages, &count, NULL));
  }
  smipc_channel_free(writer);
  smipc_channel_free(reader);
}

static void queue(size_t given, size_t taken, size_t size) {
  smipc_message_queue *both = NULL;
  smipc_object_options options;
  size_t received = 0;
  uint32_t priority = 0;
  smipc_object_options_init(&options);
  options.existence = SMIPC_RAISE_IF_EXISTS;
  check(smipc_message_queue_open(g_name, strlen(g_name), kMostCalls, kMostBytes,
                                 SMIPC_QUEUE_SEND | SMIPC_QUEUE_RECEIVE, &options, NULL, &both));
  for (size_t i = 0; i < given; ++i) {
    check(smipc_message_queue_send(both, g_bytes, size, 0, SMIPC_FOREVER));
  }
  for (size_t i = 0; i < taken; ++i) {
    check(smipc_message_queue_receive(both, g_bytes, sizeof g_bytes, SMIPC_FOREVER, &received,
                                      &priority));
  }
  smipc_message_queue_free(both);
}

static smipc_circular_buffer *circular_end(int32_t mode, size_t size) {
  smipc_circular_buffer_options options;
  smipc_circular_buffer *end = NULL;
  smipc_circular_buffer_options_init(&options);
  options.item_size = size;
  options.length = kMostCalls;
  check(smipc_circular_buffer_open(g_name, strlen(g_name), mode, &options, &end));
  return end;
}

static void circular(size_t given, size_t taken, size_t size) {
  smipc_circular_buffer *writer = circular_end(SMIPC_WRITER, size);
  smipc_circular_buffer *reader = circular_end(SMIPC_READER, size);
  for (size_t i = 0; i < given; ++i) check(smipc_circular_buffer_push(writer, g_bytes, size));
  for (size_t i = 0; i < taken; ++i) {
    uint64_t count = 0;
    check(smipc_circular_buffer_pop(reader, g_bytes, size, &count));
  }
  smipc_circular_buffer_free(writer);
  smipc_circular_buffer_free(reader);
}

static void say_compiler(void) {
#if defined(__clang__)
  puts("clang");
#elif defined(__GNUC__)
  puts("gcc");
#else
  puts("another");
#endif
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "compiler") == 0) {
    say_compiler();
    return 0;
  }
  if (argc != 5) {
    fprintf(stderr, "usage: count_tool channel|lists|queue|circular GIVEN TAKEN BYTES\n");
    return 2;
  }
  const size_t given = (size_t)strtoull(argv[2], NULL, 10);
  const size_t taken = (size_t)strtoull(argv[3], NULL, 10);
  const size_t size = (size_t)strtoull(argv[4], NULL, 10);
  if (taken > given || given >= kMostCalls || size > kMostBytes) return 2;
  snprintf(g_name, sizeof g_name, "count-%s-%d", argv[1], (int)getpid());
  if (strcmp(argv[1], "channel") == 0) channel(given, taken, size);
  if (strcmp(argv[1], "lists") == 0) lists(given, taken, size);
  if (strcmp(argv[1], "queue") == 0) queue(given, taken, size);
  if (strcmp(argv[1], "circular") == 0) circular(given, taken, size);
  return 0;
}
