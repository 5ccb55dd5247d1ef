// Asymmetric barriers on Windows: FlushProcessWriteBuffers, for the threads of one process. There
// is nothing that reaches other processes, so both ends of a segment use fences.
#include "platform/windows/windows_api.h"

namespace smipc::detail {

bool plat_barrier_register() { return false; }

void plat_barrier_shared() {
  std::atomic_thread_fence(std::memory_order_seq_cst);  // only reached without registration
}

bool plat_barrier_process_available() { return true; }

void plat_barrier_process() { ::FlushProcessWriteBuffers(); }

}  // namespace smipc::detail
