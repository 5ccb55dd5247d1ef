// Descriptors for other event loops on Linux: eventfd.
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "platform/platform.h"
#include "platform/posix/shm_file.h"

namespace smipc::detail {

PlatResult plat_event_fd_create(std::int32_t* out) {
  *out = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return *out >= 0 ? PlatResult{} : os_failure("eventfd", errno);
}

void plat_event_fd_set(std::int32_t fd) {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t ignored = ::write(fd, &one, sizeof one);
}

void plat_event_fd_clear(std::int32_t fd) {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t ignored = ::read(fd, &count, sizeof count);
}

void plat_event_fd_close(std::int32_t fd) { ::close(fd); }

}  // namespace smipc::detail
