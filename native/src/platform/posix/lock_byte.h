// The lock of a lock file: one byte, far behind its end, shared or exclusive.
#pragma once

#include <cstdint>

#include "platform/posix/file_lock.h"

namespace smipc::detail {

inline constexpr std::int64_t kLockByte = std::int64_t{1} << 30;

// Without waiting; kFailed leaves errno.
LockOutcome lock_byte_try(int fd, bool exclusive);
void lock_byte_unlock(int fd);

}  // namespace smipc::detail
