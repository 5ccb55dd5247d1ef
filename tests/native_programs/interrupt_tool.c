/* Ctrl-C in a C program: every call that waits ends with SMIPC_E_INTERRUPTED, and nothing is lost.
 *
 *     interrupt_tool CHANNEL
 *
 * Says the name of a call, makes it, says "interrupted" when that is what it returns, and goes on with
 * the next one. For each byte on standard input it presses Ctrl-C itself, on Windows in the console
 * that it has been given.
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#include <windows.h>
#else
#include <pthread.h>
#include <unistd.h>
#endif

#define CAPACITY 1000

static volatile sig_atomic_t g_pressed = 0;

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

#if defined(_WIN32)
static BOOL WINAPI on_ctrl_c(DWORD event) {
  if (event != CTRL_C_EVENT) return FALSE;
  g_pressed = 1;
  return TRUE;
}

static DWORD WINAPI press_on_demand(void *unused) {
  (void)unused;
  while (getchar() != EOF) expect(GenerateConsoleCtrlEvent(CTRL_C_EVENT, 0), "Ctrl-C was pressed");
  exit(0);
}

static void listen_for_ctrl_c(void) {
  SetConsoleCtrlHandler(on_ctrl_c, TRUE);
  CreateThread(NULL, 0, press_on_demand, NULL, 0, NULL);
}
#else
static pthread_t g_main_thread;

static void on_ctrl_c(int number) {
  (void)number;
  g_pressed = 1;
}

static void *press_on_demand(void *unused) {
  (void)unused;
  while (getchar() != EOF) pthread_kill(g_main_thread, SIGINT);
  exit(0);
}

static void listen_for_ctrl_c(void) {
  struct sigaction action;
  pthread_t thread;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_ctrl_c;
  sigaction(SIGINT, &action, NULL);
  g_main_thread = pthread_self();
  expect(pthread_create(&thread, NULL, press_on_demand, NULL) == 0, "a thread was made");
}
#endif

static smipc_channel *open_end(const char *name, uint32_t mode, uint32_t framing) {
  smipc_channel_options options;
  smipc_channel *channel;
  smipc_channel_options_init(&options);
  options.framing = framing;
  must(smipc_channel_open(name, strlen(name), mode, CAPACITY, &options, &channel), "open");
  return channel;
}

static char g_buffer[CAPACITY];

static void expect_interrupted(const char *call, smipc_status status) {
  if (status != SMIPC_E_INTERRUPTED) {
    fprintf(stderr, "%s: %s\n", call, smipc_status_name(status));
    exit(1);
  }
  /* What makes a call return has run before it does. */
  expect(g_pressed, "the handler has run");
  g_pressed = 0;
  puts("interrupted");
  fflush(stdout);
}

/* `call`, and what comes of it when Ctrl-C is pressed. */
#define INTERRUPT(name, call)       \
  do {                              \
    puts(name);                     \
    fflush(stdout);                 \
    expect_interrupted(name, call); \
  } while (0)

static void messages(const char *channel) {
  size_t size = 0;
  const void *view = NULL;
  void *room = NULL;
  uint8_t ready = 0;
  smipc_channel *reader = open_end(channel, SMIPC_READER, SMIPC_MESSAGE);
  smipc_channel *writer = open_end(channel, SMIPC_WRITER, SMIPC_MESSAGE);
  INTERRUPT("recv", smipc_channel_recv(reader, g_buffer, CAPACITY, SMIPC_FOREVER, &size));
  INTERRUPT("peek", smipc_channel_peek(reader, SMIPC_FOREVER, &view, &size));
  INTERRUPT("wait", smipc_wait(&reader, 1, SMIPC_FOREVER, &ready, NULL));
  must(smipc_channel_send(writer, g_buffer, CAPACITY, 0), "send");
  INTERRUPT("send", smipc_channel_send(writer, g_buffer, CAPACITY, SMIPC_FOREVER));
  INTERRUPT("reserve", smipc_channel_reserve(writer, CAPACITY, SMIPC_FOREVER, &room));
  INTERRUPT("flush", smipc_channel_flush(writer, SMIPC_FOREVER));
  must(smipc_channel_recv(reader, g_buffer, CAPACITY, 0, &size), "recv");
  expect(smipc_channel_recv(reader, g_buffer, CAPACITY, 0, &size) == SMIPC_E_TIMED_OUT,
         "what was interrupted was not sent");
  smipc_channel_free(writer);
  smipc_channel_free(reader);
}

static void bytes(const char *channel) {
  size_t written = 0;
  smipc_channel *reader = open_end(channel, SMIPC_READER, SMIPC_STREAM);
  smipc_channel *writer = open_end(channel, SMIPC_WRITER, SMIPC_STREAM);
  INTERRUPT("read", smipc_channel_read(reader, g_buffer, CAPACITY, SMIPC_FOREVER));
  must(smipc_channel_write(writer, g_buffer, CAPACITY, 0, &written), "write");
  INTERRUPT("write", smipc_channel_write(writer, g_buffer, 10, SMIPC_FOREVER, &written));
  expect(written == 0, "nothing of it was written");
  smipc_channel_free(writer);
  smipc_channel_free(reader);
}

static void semaphore(const char *name) {
  smipc_semaphore *taken;
  smipc_object_options options;
  int32_t created = 0;
  smipc_object_options_init(&options);
  options.existence = SMIPC_RAISE_IF_EXISTS;
  must(smipc_semaphore_open(name, strlen(name), 0, &options, &created, &taken), "semaphore");
  INTERRUPT("acquire", smipc_semaphore_acquire(taken, SMIPC_FOREVER));
  smipc_semaphore_free(taken);
}

int main(int count, char **words) {
  if (count != 2) return 2;
  listen_for_ctrl_c();
  messages(words[1]);
  bytes(words[1]);
  semaphore(words[1]);
  puts("done");
  return 0;
}
