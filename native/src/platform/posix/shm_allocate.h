// Giving a file in shared memory its size, with all of its memory allocated now: a full file system
// is an error here, and not a SIGBUS later.
#pragma once

#include <cstdint>

#include "platform/platform.h"

namespace smipc::detail {

// `fd` is an empty file, and empty again on failure.
// SMIPC_E_NO_SPACE says how much there is, how much is needed, and how to get it.
PlatResult shm_allocate(int fd, std::uint64_t bytes);

}  // namespace smipc::detail
