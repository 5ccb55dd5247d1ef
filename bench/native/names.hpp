// Names for what a contestant must name: unique to the run, recognisable when one is left over.
#pragma once

#include <unistd.h>

#include <string>

namespace bench {

inline std::string unique_name(const std::string& suffix) {
  static const std::string base =
      "smipc-bench-" + std::to_string(getpid());  // the initiator's: made before the fork
  return base + "-" + suffix;
}

}  // namespace bench
