// Other processes: whether one has ended, and a handle to wait for its end with.
// A process is told from a later one with the same pid by the time of its creation.
#pragma once

#include <memory>

#include "platform/windows/windows_api.h"

namespace smipc::detail {

enum class ProcessState : std::uint8_t {
  kRunning,
  kEnded,
  kUnknown,  // no process is meant (pid 0), or the OS does not let us see it
};

ProcessState process_state(const PlatHolder& holder);

// The process that was asked about last, kept open: sleeping asks about the same one every time.
// Any number of threads.
class ProcessWatch {
 public:
  struct Process {
    PlatHolder holder;
    ProcessState state = ProcessState::kUnknown;  // when it was opened
    Handle handle;                                // none for this process, and one not to be seen
    bool has_ended() const;
  };

  // Never null. Whoever holds it may wait for its handle.
  std::shared_ptr<const Process> open(const PlatHolder& holder);

 private:
  SRWLOCK lock_ = SRWLOCK_INIT;
  std::shared_ptr<const Process> last_;
};

}  // namespace smipc::detail
