// See file_lock.h.
#include "platform/posix/file_lock.h"

#include <errno.h>
#include <fcntl.h>

namespace smipc::detail {
namespace {

#if !defined(F_OFD_SETLK) && defined(__APPLE__)
// XNU has them under these numbers; its public headers leave them out.
#define F_OFD_SETLK 90
#define F_OFD_GETLK 92
#endif

struct flock one_byte(std::int64_t byte) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(byte);
  lock.l_len = 1;
  return lock;
}

}  // namespace

LockOutcome file_lock_try(int fd, std::int64_t byte) {
  struct flock lock = one_byte(byte);
  int result;
  do {
    result = ::fcntl(fd, F_OFD_SETLK, &lock);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return LockOutcome::kTaken;
  return errno == EAGAIN || errno == EACCES ? LockOutcome::kHeldByOther : LockOutcome::kFailed;
}

bool file_lock_is_held(int fd, std::int64_t byte, std::int64_t count) {
  struct flock lock = one_byte(byte);
  lock.l_len = static_cast<off_t>(count);
  int result;
  do {
    result = ::fcntl(fd, F_OFD_GETLK, &lock);
  } while (result != 0 && errno == EINTR);
  return result != 0 || lock.l_type != F_UNLCK;
}

}  // namespace smipc::detail
