/* What is killed, and what survives it, for test_kills.py and test_windows_kills.py.
 *
 *     kill_tool victim CHANNEL WHAT    opens an end, says "ready", and does WHAT until it is killed:
 *                                      hold-writer hold-reader (nothing), recv, send
 *     kill_tool survivor CHANNEL       for each line "NUMBER WHAT" on standard input: opens the opposite
 *                                      end of CHANNEL-NUMBER, says "open", waits for what does not
 *                                      come, and says "told" when that ends because of a death
 */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 4000

static void must(smipc_status status, const char *what) {
  if (status == SMIPC_OK) return;
  fprintf(stderr, "%s: %s: %s\n", what, smipc_status_name(status), smipc_last_error());
  exit(1);
}

static void say(const char *word) {
  puts(word);
  fflush(stdout);
}

static smipc_channel *open_end(const char *name, int writes) {
  smipc_channel_options options;
  smipc_channel *channel = NULL;
  smipc_channel_options_init(&options);
  options.framing = SMIPC_MESSAGE;
  must(smipc_channel_open(name, strlen(name), writes ? SMIPC_WRITER : SMIPC_READER, CAPACITY,
                          &options, &channel),
       "open");
  return channel;
}

static smipc_status receive(smipc_channel *channel) {
  char buffer[1000];
  size_t size = 0;
  return smipc_channel_recv(channel, buffer, sizeof buffer, SMIPC_FOREVER, &size);
}

static smipc_status send_one(smipc_channel *channel) {
  static const char message[1000];
  return smipc_channel_send(channel, message, sizeof message, SMIPC_FOREVER);
}

static int writes(const char *what) {
  return strcmp(what, "hold-writer") == 0 || strcmp(what, "send") == 0;
}

static void be_a_victim(const char *name, const char *what) {
  smipc_channel *channel = open_end(name, writes(what));
  say("ready");
  for (;;) {
    if (strcmp(what, "recv") == 0) {
      must(receive(channel), "recv");
    } else if (strcmp(what, "send") == 0) {
      must(send_one(channel), "send");
    } else {
      getchar(); /* what starts it writes nothing */
    }
  }
}

/* Of a victim that sends, what it had sent is read first. */
static void survive(const char *name, const char *what) {
  smipc_channel *channel = open_end(name, !writes(what));
  smipc_status status = SMIPC_OK;
  say("open");
  while (status == SMIPC_OK) status = writes(what) ? receive(channel) : send_one(channel);
  if (status != SMIPC_E_OPPOSITE_DIED) must(status, "surviving");
  say("told");
  smipc_channel_free(channel);
}

int main(int count, char **words) {
  char number[32];
  char what[32];
  char name[256];
  if (count == 4 && strcmp(words[1], "victim") == 0) be_a_victim(words[2], words[3]);
  if (count != 3 || strcmp(words[1], "survivor") != 0) return 2;
  while (scanf("%31s %31s", number, what) == 2) {
    snprintf(name, sizeof name, "%s-%s", words[2], number);
    survive(name, what);
  }
  return 0;
}
