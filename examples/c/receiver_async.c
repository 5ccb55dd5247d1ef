/* Receives 64 bytes with a callback, while the main thread is free for other work.
 *
 * Start one of the senders in another terminal, before or after, in any language:
 *     sender_async [CHANNEL]
 *
 * C99 has no way to wait for another thread, so the callback tells main through a second channel,
 * whose two ends are both in this process.
 */
#include <smipc.h>
#include <stdio.h>
#include <string.h>

typedef struct receiver {
  unsigned char data[64];
  size_t size;
  smipc_channel *tell_main;
} receiver;

/* Runs on the listener's thread, with the bytes that were there. */
static void on_data(void *context, const void *data, size_t size, smipc_status status) {
  receiver *self = context;
  size_t room = sizeof self->data - self->size;
  if (room == 0) return;
  if (size > room) size = room;
  if (size > 0) memcpy(self->data + self->size, data, size);
  self->size += size;
  /* All is there, or nothing more will come. */
  if (self->size == sizeof self->data || status != SMIPC_OK)
    (void)smipc_channel_write(self->tell_main, "!", 1, 0, NULL);
}

int main(int argc, char **argv) {
  const char *name = argc > 1 ? argv[1] : "smipc-example";
  char done_name[SMIPC_MAX_NAME + 1];
  snprintf(done_name, sizeof done_name, "%.190s-done", name);

  receiver self = {{0}, 0, NULL};
  smipc_channel *channel = NULL;
  smipc_channel *done = NULL;
  char mark;
  smipc_status status;
  status = smipc_channel_open(done_name, strlen(done_name), SMIPC_WRITER, 8, NULL, &self.tell_main);
  if (status == SMIPC_OK)
    status = smipc_channel_open(done_name, strlen(done_name), SMIPC_READER, 8, NULL, &done);
  if (status == SMIPC_OK)
    status = smipc_channel_open(name, strlen(name), SMIPC_READER, 20, NULL, &channel);
  if (status == SMIPC_OK) status = smipc_channel_listen(channel, on_data, &self);
  if (status == SMIPC_OK) status = smipc_channel_read(done, &mark, 1, SMIPC_FOREVER);
  if (status == SMIPC_OK) status = smipc_channel_listen_stop(channel);

  int exit_code = 1;
  if (status != SMIPC_OK) {
    fprintf(stderr, "receiver_async: %s\n", smipc_last_error());
  } else if (self.size != sizeof self.data) {
    fprintf(stderr, "receiver_async: the sender has gone after %zu bytes\n", self.size);
  } else {
    printf("received ");
    for (size_t i = 0; i < self.size; ++i) printf("%02x", self.data[i]);
    printf("\n");
    exit_code = 0;
  }
  smipc_channel_free(channel);
  smipc_channel_free(done);
  smipc_channel_free(self.tell_main);
  return exit_code;
}
