/* Moves the robot of structure.py along: structure [folder] [times].
 * robot_structs.h is what `smipc structs robot_structs.py --header` wrote. */
#include <smipc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "robot_structs.h"

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, smipc_last_error());
  return 1;
}

int main(int argc, char **argv) {
  const long times = argc > 2 ? atol(argv[2]) : 1000;
  char path[1024];
  smipc_structure_options options;
  smipc_structure *structure;
  void *data = NULL;

  snprintf(path, sizeof path, "%s/%s", argc > 1 ? argv[1] : ".", ROBOT_FILE);
  smipc_structure_options_init(&options);
  options.code = ROBOT_CODE; /* any other structure is refused */
  if (smipc_structure_open(path, strlen(path), sizeof(Robot), &options, &structure) != SMIPC_OK) {
    return failed("open");
  }
  for (long i = 0; i < times; ++i) {
    uint32_t cut_off_pid;
    Robot *robot;
    if (smipc_structure_lock(structure, SMIPC_EXCLUSIVE, SMIPC_FOREVER, &cut_off_pid, &data) !=
        SMIPC_OK) {
      return failed("lock");
    }
    if (cut_off_pid != 0) fprintf(stderr, "%u died in an edit\n", (unsigned)cut_off_pid);
    robot = data;
    ++robot->moves;
    robot->position.x = (double)robot->moves * 0.5;
    robot->position.y = -(double)robot->moves;
    if (smipc_structure_unlock(structure) != SMIPC_OK) return failed("unlock");
  }
  smipc_structure_free(structure);
  printf("moved %ld times\n", times);
  return 0;
}
