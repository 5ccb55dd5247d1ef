// The C++ side of a structure that Python defined, for tests. Compiled with the header that
// `smipc structs shared_structs --header` wrote, found as shared_structs.h:
//
//   structure_tool PATH add COUNT   counts both numbers of the Pair up, one edit at a time
//   structure_tool PATH read        prints them, and who was cut off in an edit
//   structure_tool PATH die         ends in the middle of an edit
//   structure_tool PATH create      makes the file
//   structure_tool - offsets        prints the offset and size of every field of Everything
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <smipc.hpp>

#if __has_include("shared_structs.h")
#include "shared_structs.h"

#define SHOW(field) \
  std::printf("%s %zu %zu\n", #field, offsetof(Everything, field), sizeof(Everything::field))

static void show_offsets() {
  SHOW(header);
  SHOW(data_int);
  SHOW(data_string);
  SHOW(data_xy);
  SHOW(tiny);
  SHOW(byte);
  SHOW(short_);
  SHOW(huge);
  SHOW(single);
  SHOW(truth);
  SHOW(letter);
  SHOW(wide);
  SHOW(table);
  SHOW(points);
  SHOW(either);
  SHOW(packed);
  SHOW(next);
  SHOW(class_);
  SHOW(last);
  std::printf("Everything 0 %zu\n", sizeof(Everything));
}

static int use(const char *path, const char *verb, const char *argument) {
  const smipc::StructureOptions options = {.code = PAIR_CODE};
  if (std::strcmp(verb, "create") == 0) {
    smipc::LockedStructure<Pair>::create(path, options);
    return 0;
  }
  smipc::LockedStructure<Pair> pair(path, options);
  if (std::strcmp(verb, "add") == 0) {
    for (int i = std::atoi(argument); i > 0; --i) {
      const auto now = pair.edit();
      ++now->a;
      ++now->b;
      now.touch();
    }
  } else if (std::strcmp(verb, "die") == 0) {
    const auto now = pair.edit();
    now->a = -1;
    std::_Exit(0);
  }
  const auto now = pair.read();
  std::printf("%lld %lld %u\n", static_cast<long long>(now->a), static_cast<long long>(now->b),
              now.cut_off_pid());
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  if (std::strcmp(argv[2], "offsets") == 0) {
    show_offsets();
    return 0;
  }
  try {
    return use(argv[1], argv[2], argc > 3 ? argv[3] : "");
  } catch (const smipc::Error &error) {
    std::fprintf(stderr, "%s: %s\n", error.name(), error.what());
    return 1;
  }
}
#else
int main() {
  std::puts("compiled without the header that it is about");
  return 2;
}
#endif
