// A note about an object whose name is to go with this process, so that it can be removed when the
// process was killed: a small file in the directory of shared memory, "smipc.owner.<random>", that says
// which object, and that this process has locked.
//
// 1. The lock is kept by a mapping that is not inherited (as roles are, see segment.cpp): it costs no
//    descriptor, and a forked child does not hold it.
// 2. Whoever gets the lock of a note knows that its process is gone. What the note says is checked:
//    only an object that is still the same file is removed.
// A process that dies before the note is complete leaves a note that names nothing.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>

#include "platform/posix/shm_file.h"

namespace smipc::detail {

class OwnerRecord {
 public:
  OwnerRecord() = default;
  ~OwnerRecord() { end(); }
  OwnerRecord(const OwnerRecord&) = delete;
  OwnerRecord& operator=(const OwnerRecord&) = delete;

  // `file` is the name of the object's file in the directory. Without room for the note there is none.
  void begin(const std::string& file, const FileIdentity& identity);
  void end();  // from any thread, and again

 private:
  std::string path_;
  std::atomic<void*> page_ = nullptr;
  pid_t pid_ = 0;
};

}  // namespace smipc::detail
