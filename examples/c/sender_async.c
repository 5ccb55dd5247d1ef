/* Sends 64 random bytes in pieces of 1 to 20 bytes, for a receiver that takes them as they come.
 *
 * Start one of the receivers in another terminal, before or after, in any language:
 *     receiver_async [CHANNEL]
 */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "smipc-example";
  unsigned char data[64];
  srand((unsigned)time(NULL));
  for (size_t i = 0; i < sizeof data; ++i) data[i] = (unsigned char)(rand() & 0xff);

  smipc_channel *channel;
  smipc_status status = smipc_channel_open(name, strlen(name), SMIPC_WRITER, 20, NULL, &channel);
  for (size_t start = 0; status == SMIPC_OK && start < sizeof data;) {
    size_t size = 1 + (size_t)rand() % 20;
    if (size > sizeof data - start) size = sizeof data - start;
    status = smipc_channel_write(channel, data + start, size, SMIPC_FOREVER, NULL);
    start += size;
  }
  if (status != SMIPC_OK) {
    fprintf(stderr, "sender_async: %s\n", smipc_last_error());
    smipc_channel_free(channel);
    return 1;
  }

  printf("sent ");
  for (size_t i = 0; i < sizeof data; ++i) printf("%02x", data[i]);
  printf("\n");
  smipc_channel_free(channel);
  return 0;
}
