/* Reads the samples of examples/python/circular_buffer.py: circular_buffer [count] [name]. */
#include <inttypes.h>
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, smipc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  const uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000;
  const char *name = argc > 2 ? argv[2] : "example-samples";
  smipc_circular_buffer *buffer;
  smipc_circular_buffer_status status = {0};
  uint64_t got = 0;
  uint64_t last = 0;

  if (smipc_circular_buffer_open(name, strlen(name), SMIPC_READER, NULL, &buffer) != SMIPC_OK) {
    return failed("open");
  }
  puts("attached");
  fflush(stdout);
  while (last < count) {
    const int64_t sample = smipc_circular_buffer_pop_int(buffer);
    if (sample == SMIPC_E_NOT_FOUND) continue; /* not yet */
    if (sample < 0) return failed("pop");
    ++got;
    last = (uint64_t)sample;
  }
  status.struct_size = sizeof status;
  if (smipc_circular_buffer_get_status(buffer, &status) != SMIPC_OK) return failed("status");
  printf("got %" PRIu64 ", missed %" PRIu64 ", the last was %" PRIu64 "\n", got, status.lost, last);
  smipc_circular_buffer_free(buffer);
  return 0;
}
