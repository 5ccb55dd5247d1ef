// The Linux part of the POSIX platform.
#include <fcntl.h>
#include <unistd.h>

#include "platform/posix/system.h"

namespace smipc::detail {

// Made when the library is loaded and never destroyed: threads outlive static objects, and a static
// of a function could be half made when another thread forks.
const std::string& g_directory = *new std::string("/dev/shm");

const std::string& system_directory() { return g_directory; }

int system_allocate(int fd, std::int64_t offset, std::int64_t bytes) {
  return ::posix_fallocate(fd, static_cast<off_t>(offset), static_cast<off_t>(bytes));
}

bool system_random(void* out, std::size_t size) { return ::getentropy(out, size) == 0; }

// A mapping keeps the open file, and so its locks: the descriptor is not needed.
void LockKeeper::keep(FileDescriptor) {}
void LockKeeper::drop() {}

}  // namespace smipc::detail
