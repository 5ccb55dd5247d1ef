// What Linux and macOS do differently for the files of this folder; implemented in linux/ and macos/.
#pragma once

#include <cstdint>
#include <string>

#include "platform/posix/shm_file.h"

namespace smipc::detail {

// The directory of the segments' files: writable for every user, who can remove only their own.
const std::string& system_directory();

// Gives the file the bytes from `offset` on, with their memory. 0, or errno; EINTR: again.
int system_allocate(int fd, std::int64_t offset, std::int64_t bytes);

// Fills the memory with random bytes; false: there is no source of them.
bool system_random(void* out, std::size_t size);

// Keeps the locks that were taken on an open file for as long as this object keeps it and the file is
// mapped, but never in a forked child, and with as few descriptors as the system lets it.
class LockKeeper {
 public:
  LockKeeper() = default;
  ~LockKeeper() { drop(); }
  LockKeeper(const LockKeeper&) = delete;
  LockKeeper& operator=(const LockKeeper&) = delete;

  // After the file has been mapped.
  void keep(FileDescriptor file);
  void drop();

 private:
  FileDescriptor file_;
  LockKeeper* previous_ = nullptr;
  LockKeeper* next_ = nullptr;
  friend void forget_kept_locks();
};

}  // namespace smipc::detail
