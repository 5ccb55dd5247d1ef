// Open-file-description locks on single bytes, far behind the end of a segment's file. They belong
// to the open file, not to the process or thread: two handles of one process exclude each other,
// closing some other descriptor of the file drops nothing, and the kernel frees them when the last
// descriptor or mapping of that open file goes, however its process ended.
#pragma once

#include <cstdint>

namespace smipc::detail {

inline constexpr std::int64_t kSetupLockByte = 0x7fff'ffff'0000;
inline constexpr std::int64_t kFirstRoleLockByte = kSetupLockByte + 1;

enum class LockOutcome : std::uint8_t { kTaken, kHeldByOther, kFailed };

// Takes the byte exclusively without waiting; kFailed leaves errno.
LockOutcome file_lock_try(int fd, std::int64_t byte);

// Whether another open file holds one of `count` bytes. When the kernel cannot say: true.
bool file_lock_is_held(int fd, std::int64_t byte, std::int64_t count = 1);

}  // namespace smipc::detail
