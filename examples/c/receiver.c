/* Receives 64 bytes through a channel of 20 bytes, and blocks until all are there.
 *
 * Start one of the senders in another terminal, before or after, in any language:
 *     sender [CHANNEL]
 */
#include <smipc.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "smipc-example";
  unsigned char data[64];

  smipc_channel *channel;
  /* The 20 counts if this process comes first and creates the channel. */
  smipc_status status = smipc_channel_open(name, strlen(name), SMIPC_READER, 20, NULL, &channel);
  if (status == SMIPC_OK) status = smipc_channel_read(channel, data, sizeof data, SMIPC_FOREVER);
  if (status != SMIPC_OK) {
    fprintf(stderr, "receiver: %s\n", smipc_last_error());
    smipc_channel_free(channel);
    return 1;
  }

  printf("received ");
  for (size_t i = 0; i < sizeof data; ++i) printf("%02x", data[i]);
  printf("\n");
  smipc_channel_free(channel);
  return 0;
}
