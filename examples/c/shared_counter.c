/* A counter in shared memory, and a semaphore so that nobody counts at the same
 * time: shared_counter [turns] [name]. See shared_counter.py, which counts along. */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, smipc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  const long turns = argc > 1 ? atol(argv[1]) : 1000;
  const char *name = argc > 2 ? argv[2] : "example-counter";
  const size_t name_size = strlen(name);
  smipc_object_options options;
  smipc_semaphore *semaphore;
  smipc_memory *memory;
  void *data;
  uint64_t size;
  volatile int64_t *counter;

  smipc_object_options_init(&options);
  options.existence = SMIPC_LINK_OR_CREATE;
  options.unlink = SMIPC_UNLINK_NEVER;
  if (smipc_semaphore_open(name, name_size, 1, &options, NULL, &semaphore) != SMIPC_OK) {
    return failed("semaphore");
  }
  if (smipc_memory_open(name, name_size, sizeof *counter, 0, &options, NULL, &memory) != SMIPC_OK ||
      smipc_memory_data(memory, &data, &size) != SMIPC_OK) {
    return failed("memory");
  }
  counter = data;
  for (long turn = 0; turn < turns; ++turn) {
    if (smipc_semaphore_acquire(semaphore, SMIPC_FOREVER) != SMIPC_OK) return failed("acquire");
    ++*counter;
    if (smipc_semaphore_release(semaphore, 1) != SMIPC_OK) return failed("release");
  }
  printf("counted %ld, the counter is at %lld or more\n", turns, (long long)*counter);
  smipc_memory_free(memory);
  smipc_semaphore_free(semaphore);
  return 0;
}
