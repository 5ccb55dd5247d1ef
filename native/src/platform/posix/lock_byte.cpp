// See lock_byte.h.
#include "platform/posix/lock_byte.h"

#include <errno.h>
#include <fcntl.h>

namespace smipc::detail {
namespace {

#if !defined(F_OFD_SETLK) && defined(__APPLE__)
// XNU has it under this number; its public headers leave it out.
#define F_OFD_SETLK 90
#endif

int set(int fd, short type) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(kLockByte);
  lock.l_len = 1;
  int result;
  do {
    result = ::fcntl(fd, F_OFD_SETLK, &lock);
  } while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

LockOutcome lock_byte_try(int fd, bool exclusive) {
  if (set(fd, exclusive ? F_WRLCK : F_RDLCK) == 0) return LockOutcome::kTaken;
  return errno == EAGAIN || errno == EACCES ? LockOutcome::kHeldByOther : LockOutcome::kFailed;
}

void lock_byte_unlock(int fd) { set(fd, F_UNLCK); }

}  // namespace smipc::detail
