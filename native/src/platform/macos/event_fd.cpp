// Descriptors for other event loops on macOS: a kernel queue with one event of the user's in it. The
// queue can be waited for like any descriptor, and is not inherited by forked children.
#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <unistd.h>

#include "platform/platform.h"
#include "platform/posix/shm_file.h"

namespace smipc::detail {
namespace {

constexpr uintptr_t kIdent = 1;

bool change(int queue, std::uint16_t flags, std::uint32_t fflags) {
  struct kevent event;
  EV_SET(&event, kIdent, EVFILT_USER, flags, fflags, 0, nullptr);
  int result;
  do {
    result = ::kevent(queue, &event, 1, nullptr, 0, nullptr);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

}  // namespace

PlatResult plat_event_fd_create(std::int32_t* out) {
  FileDescriptor queue(::kqueue());
  if (!queue) return os_failure("kqueue", errno);
  ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC);
  if (!change(queue.get(), EV_ADD, 0)) return os_failure("kevent", errno);
  *out = queue.release();
  return {};
}

void plat_event_fd_set(std::int32_t fd) { change(fd, 0, NOTE_TRIGGER); }

void plat_event_fd_clear(std::int32_t fd) {
  // An event that was triggered stays so until it is taken, or made anew.
  change(fd, EV_DELETE, 0);
  change(fd, EV_ADD, 0);
}

void plat_event_fd_close(std::int32_t fd) { ::close(fd); }

}  // namespace smipc::detail
