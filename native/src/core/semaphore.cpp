// See semaphore.h.
#include "core/semaphore.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kSliceNs = 100'000'000;
constexpr std::int64_t kDrainNs = 1'000'000;

Status acquire_inside(Semaphore& semaphore, std::int64_t timeout_ns) {
  const std::string name = "/" + semaphore.name;
  const Deadline deadline(timeout_ns);
  while (!deadline.tries_only()) {
    if (semaphore.gate.closed()) return semaphore_closed(semaphore);
    const std::int64_t slice = deadline.slice(plat_now_ns(), kSliceNs);
    if (slice <= 0) break;
    const PlatWake wake = plat_semaphore_wait(semaphore.platform, slice);
    if (wake == PlatWake::kWoken) return SMIPC_OK;
    if (wake == PlatWake::kInterrupted) {
      return fail_object_quietly(SMIPC_E_INTERRUPTED, kSemaphoreNoun, name);
    }
  }
  return fail_object_quietly(SMIPC_E_TIMED_OUT, kSemaphoreNoun, name);
}

}  // namespace

Status semaphore_acquire_slowly(Semaphore& semaphore, std::int64_t timeout_ns) {
  const Status status = acquire_inside(semaphore, timeout_ns);
  semaphore.gate.leave();
  return status;
}

Status semaphore_release(Semaphore& semaphore, std::uint32_t count) {
  if (!semaphore.gate.enter()) return semaphore_closed(semaphore);
  std::uint32_t added = 0;
  const PlatResult result = plat_semaphore_post(semaphore.platform, count, &added);
  semaphore.gate.leave();
  if (result) return SMIPC_OK;
  if (result.status != SMIPC_E_INVALID) {
    return object_status(kSemaphoreNoun, semaphore.name, result);
  }
  return fail_object(SMIPC_E_INVALID, kSemaphoreNoun, "/" + semaphore.name,
                     "releasing " + std::to_string(count) + " would take its value beyond " +
                         std::to_string(SMIPC_MAX_SEMAPHORE) + "; " + std::to_string(added) +
                         " have been added");
}

Status semaphore_close(Semaphore& semaphore) {
  if (!semaphore.gate.close()) return SMIPC_OK;
  // In a forked child those inside are threads of the parent. They never leave, and use nothing.
  while (semaphore.rule.is_own_process() && !semaphore.gate.empty()) plat_pause(kDrainNs);
  plat_semaphore_close(semaphore.platform);
  return SMIPC_OK;
}

}  // namespace smipc::detail
