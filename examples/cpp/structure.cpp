// Moves the robot of structure.py along, and shows where it is: structure [folder] [times].
#include <cstdio>
#include <cstdlib>
#include <smipc.hpp>
#include <string>

#include "../c/robot_structs.h"

int main(int argc, char **argv) {
  const long times = argc > 2 ? std::atol(argv[2]) : 1000;
  const std::string path = std::string(argc > 1 ? argv[1] : ".") + "/" + ROBOT_FILE;
  try {
    smipc::LockedStructure<Robot> shared(path, {.code = ROBOT_CODE});
    for (long i = 0; i < times; ++i) {
      const auto robot = shared.edit();  // exclusive until the end of the block
      ++robot->moves;
      robot->position = {static_cast<double>(robot->moves) * 0.5,
                         -static_cast<double>(robot->moves)};
      robot.touch();
    }
    const auto robot = shared.read();
    std::printf("%s is at %.1f, %.1f\n", robot->name, robot->position.x, robot->position.y);
  } catch (const smipc::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
