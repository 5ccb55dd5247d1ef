// The inside of PlatSetup, for the files of this folder that act within the section.
#pragma once

#include <string>

#include "platform/posix/fork_guard.h"
#include "platform/posix/shm_file.h"

namespace smipc::detail {

struct PlatSetup {
  ForkGuard guard;
  std::string path;
  FileDescriptor file;  // holds the setup lock
  FileIdentity identity;
};

}  // namespace smipc::detail
