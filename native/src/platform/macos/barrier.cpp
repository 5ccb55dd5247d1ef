// Asymmetric barriers on macOS: there are none, so both ends of a segment use fences, and the lock of
// a handle is an ordinary one.
#include "platform/platform.h"

namespace smipc::detail {

bool plat_barrier_register() { return false; }

void plat_barrier_shared() {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // only reached without registration
}

bool plat_barrier_process_available() { return false; }

void plat_barrier_process() { std::atomic_thread_fence(std::memory_order_seq_cst); }

}  // namespace smipc::detail
