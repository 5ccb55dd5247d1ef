// See process_watch.h.
#include "platform/windows/process_watch.h"

namespace smipc::detail {
namespace {

std::uint64_t creation_time(HANDLE process) {
  FILETIME created = {};
  FILETIME ignored = {};
  if (!::GetProcessTimes(process, &created, &ignored, &ignored, &ignored)) return 0;
  return (std::uint64_t{created.dwHighDateTime} << 32) | created.dwLowDateTime;
}

bool is_signalled(HANDLE process) { return ::WaitForSingleObject(process, 0) == WAIT_OBJECT_0; }

ProcessState open_process(const PlatHolder& holder, Handle* out) {
  if (holder.pid == 0) return ProcessState::kUnknown;
  if (holder.pid == plat_process_id()) {
    return holder.start_time == plat_process_start_time() ? ProcessState::kRunning
                                                          : ProcessState::kEnded;
  }
  Handle process(::OpenProcess(SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, holder.pid));
  if (!process) {
    return ::GetLastError() == ERROR_INVALID_PARAMETER ? ProcessState::kEnded
                                                       : ProcessState::kUnknown;
  }
  // An ended process can be opened while somebody else has a handle of it.
  if (creation_time(process.get()) != holder.start_time || is_signalled(process.get())) {
    return ProcessState::kEnded;
  }
  *out = std::move(process);
  return ProcessState::kRunning;
}

}  // namespace

ProcessState process_state(const PlatHolder& holder) {
  Handle process;
  return open_process(holder, &process);
}

bool ProcessWatch::Process::has_ended() const {
  return state == ProcessState::kEnded || (handle && is_signalled(handle.get()));
}

std::shared_ptr<const ProcessWatch::Process> ProcessWatch::open(const PlatHolder& holder) {
  ::AcquireSRWLockExclusive(&lock_);
  std::shared_ptr<const Process> process = last_;
  ::ReleaseSRWLockExclusive(&lock_);
  if (process && process->holder == holder) return process;
  auto opened = std::make_shared<Process>();
  opened->holder = holder;
  opened->state = open_process(holder, &opened->handle);
  process = std::move(opened);
  std::shared_ptr<const Process> replaced = process;
  ::AcquireSRWLockExclusive(&lock_);
  last_.swap(replaced);
  ::ReleaseSRWLockExclusive(&lock_);
  return process;
}

std::uint64_t plat_process_start_time() {
  static const std::uint64_t time = creation_time(::GetCurrentProcess());
  return time;
}

std::uint32_t plat_process_id() { return ::GetCurrentProcessId(); }

}  // namespace smipc::detail
