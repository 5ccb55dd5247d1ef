// White box: writers made to copy large payloads around the caches, whatever this machine is good at.
#pragma once

#include "core/large_copy.h"

namespace smipc::test {

// One that is asked and told `count` times about copies of `size` bytes that take so long, whenever it wants to
// know. How many of them it wanted to know about.
struct Told {
  int timed = 0;
  int around = 0;  // of all
};
inline Told tell(detail::CopyChoice& choice, int count, std::size_t size, std::int64_t plain_ns,
                 std::int64_t around_ns) {
  Told told;
  for (int i = 0; i < count; ++i) {
    const bool timed = choice.is_timed(size);
    const bool around = choice.around_caches();
    told.timed += timed;
    told.around += around;
    if (timed) choice.learn(size, around ? around_ns : plain_ns, around);
  }
  return told;
}

// For the next 64 MiB.
inline detail::CopyChoice going_around_caches() {
  detail::CopyChoice choice(0);
  tell(choice, 11, 1 << 16, 1'000'000, 1);
  return choice;
}

}  // namespace smipc::test
