/* Jobs with priorities, given out and done by any number of programs:
 * jobs give|do [count] [name]. See jobs.py, which gives and does them, too. */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, smipc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  const int gives = argc > 1 && strcmp(argv[1], "give") == 0;
  const int count = argc > 2 ? atoi(argv[2]) : 10;
  const char *name = argc > 3 ? argv[3] : "example-jobs";
  smipc_object_options options;
  smipc_message_queue *jobs;
  char job[256];
  size_t size;
  uint32_t priority;
  int urgent = 0;

  smipc_object_options_init(&options);
  options.existence = SMIPC_LINK_OR_CREATE;
  options.unlink = SMIPC_UNLINK_NEVER;
  if (smipc_message_queue_open(name, strlen(name), 1000, sizeof job,
                               SMIPC_QUEUE_SEND | SMIPC_QUEUE_RECEIVE, &options, NULL,
                               &jobs) != SMIPC_OK) {
    return failed("open");
  }
  for (int number = 0; number < count; ++number) {
    if (gives) {
      size = (size_t)snprintf(job, sizeof job, "job %d", number);
      priority = number % 10 == 0 ? 5 : 0;
      if (smipc_message_queue_send(jobs, job, size, priority, SMIPC_FOREVER) != SMIPC_OK) {
        return failed("send");
      }
    } else {
      if (smipc_message_queue_receive(jobs, job, sizeof job, SMIPC_FOREVER, &size, &priority) !=
          SMIPC_OK) {
        return failed("receive");
      }
      urgent += priority > 0;
    }
  }
  if (gives) {
    printf("gave %d\n", count);
  } else {
    printf("did %d, %d of them urgent\n", count, urgent);
  }
  smipc_message_queue_free(jobs);
  return 0;
}
