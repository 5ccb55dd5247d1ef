/* The structures of robot_structs, as `smipc structs robot_structs --header` writes them. Do not edit:
 * write it anew when the structures have changed.
 *
 * In C++ they go with smipc::LockedStructure<T> of smipc.hpp; in C with smipc_structure_open. */
#ifndef ROBOT_STRUCTS_SMIPC_H
#define ROBOT_STRUCTS_SMIPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#if defined(__cplusplus)
#define SMIPC_LAYOUT_ASSERT(what) static_assert(what, #what)
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define SMIPC_LAYOUT_ASSERT(what) _Static_assert(what, #what)
#else
#define SMIPC_LAYOUT_ASSERT(what) extern int smipc_layout_is_checked_from_c11_on[1]
#endif

#ifndef SMIPC_STRUCTURE_HEADER
#define SMIPC_STRUCTURE_HEADER

typedef struct smipc_structure_header {
  uint16_t code;
  double last_update;
} smipc_structure_header;
SMIPC_LAYOUT_ASSERT(sizeof(smipc_structure_header) == 16);
SMIPC_LAYOUT_ASSERT(offsetof(smipc_structure_header, code) == 0);
SMIPC_LAYOUT_ASSERT(offsetof(smipc_structure_header, last_update) == 8);
#endif

typedef struct Point {
  double x;
  double y;
} Point;
SMIPC_LAYOUT_ASSERT(sizeof(Point) == 16);
SMIPC_LAYOUT_ASSERT(offsetof(Point, x) == 0);
SMIPC_LAYOUT_ASSERT(offsetof(Point, y) == 8);

typedef struct Robot {
  smipc_structure_header header;
  char name[32];
  int64_t moves;
  Point position;
} Robot;
SMIPC_LAYOUT_ASSERT(sizeof(Robot) == 72);
SMIPC_LAYOUT_ASSERT(offsetof(Robot, header) == 0);
SMIPC_LAYOUT_ASSERT(offsetof(Robot, name) == 16);
SMIPC_LAYOUT_ASSERT(offsetof(Robot, moves) == 48);
SMIPC_LAYOUT_ASSERT(offsetof(Robot, position) == 56);
#define ROBOT_CODE 0xa309
#define ROBOT_FILE "Robot.mmap"
#undef SMIPC_LAYOUT_ASSERT

#endif
