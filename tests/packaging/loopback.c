/* A user's C program: sends itself one message through the channel named by its argument and
 * prints the library's version and what came out. */
#include <smipc.h>
#include <stdio.h>
#include <string.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, smipc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  static const char text[] = "hello";
  char received[16];
  size_t size = 0;
  smipc_channel_options options;
  smipc_channel *writer = NULL;
  smipc_channel *reader = NULL;

  if (argc != 2) {
    fprintf(stderr, "usage: loopback CHANNEL\n");
    return 2;
  }
  smipc_channel_options_init(&options);
  options.framing = SMIPC_MESSAGE;
  if (smipc_channel_open(argv[1], strlen(argv[1]), SMIPC_WRITER, 64, &options, &writer)) {
    return failed("open writer");
  }
  if (smipc_channel_open(argv[1], strlen(argv[1]), SMIPC_READER, 64, &options, &reader)) {
    return failed("open reader");
  }
  if (smipc_channel_send(writer, text, strlen(text), 0)) return failed("send");
  if (smipc_channel_recv(reader, received, sizeof received, 0, &size)) return failed("recv");
  printf("%s %.*s\n", smipc_version(), (int)size, received);
  smipc_channel_free(writer);
  smipc_channel_free(reader);
  return 0;
}
