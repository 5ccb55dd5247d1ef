/* Sends 64 random bytes through a channel of 20 bytes, and blocks while it is full.
 *
 * Start one of the receivers in another terminal, before or after, in any language:
 *     receiver [CHANNEL]
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
  if (status == SMIPC_OK) /* Returns when the last 20 bytes lie in the channel. */
    status = smipc_channel_write(channel, data, sizeof data, SMIPC_FOREVER, NULL);
  if (status != SMIPC_OK) {
    fprintf(stderr, "sender: %s\n", smipc_last_error());
    smipc_channel_free(channel);
    return 1;
  }

  printf("sent ");
  for (size_t i = 0; i < sizeof data; ++i) printf("%02x", data[i]);
  printf("\n");
  smipc_channel_free(channel); /* closes; the receiver may still take what lies there */
  return 0;
}
