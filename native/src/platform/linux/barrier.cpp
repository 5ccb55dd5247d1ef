// Asymmetric barriers on Linux: membarrier(2), since 4.16. The registration of a process survives
// fork and is lost at exec; both are fine, because it is made again where the library is loaded.
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "platform/platform.h"

namespace smipc::detail {
namespace {

long membarrier(int command) { return ::syscall(SYS_membarrier, command, 0, 0); }

}  // namespace

bool plat_barrier_register() {
  static const bool registered = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0 &&
                                 membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0;
  return registered;
}

void plat_barrier_shared() {
  if (membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // only reached without registration
  }
}

bool plat_barrier_process_available() {
  static const bool available = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  return available;
}

void plat_barrier_process() {
  if (!plat_barrier_process_available() || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

}  // namespace smipc::detail
