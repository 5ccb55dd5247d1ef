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

// The answer to a question that is asked once. Not a static of a function: its guard could be held
// by another thread when this one forks, and the child would wait for it for ever. Threads that
// ask at the same time ask twice, and get the same.
class Answer {
 public:
  template <class Ask>
  bool get(Ask ask) {
    int known = known_.load(std::memory_order_relaxed);
    if (known == kUnknown) [[unlikely]] {
      known = ask() ? kYes : kNo;
      known_.store(known, std::memory_order_relaxed);
    }
    return known == kYes;
  }

 private:
  enum : int { kUnknown, kNo, kYes };
  std::atomic<int> known_{kUnknown};
};

Answer g_registered;
Answer g_available;

}  // namespace

bool plat_barrier_register() {
  return g_registered.get([] {
    return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) == 0;
  });
}

void plat_barrier_shared() {
  if (membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);  // only reached without registration
  }
}

bool plat_barrier_process_available() {
  return g_available.get([] { return membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0; });
}

void plat_barrier_process() {
  if (!plat_barrier_process_available() || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
}

}  // namespace smipc::detail
