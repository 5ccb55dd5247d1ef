// Sleeping until others unlock, on Linux: a futex in the page of the lock file.
//
// The word: bit 0 says that somebody sleeps, what is above counts wakes. A sleeper sets the bit, tries
// the lock, and sleeps while the word is as it was; whoever unlocks does so first and looks at the bit
// afterwards. Both go through the kernel's list of locks in between, so one of them sees the other. A
// sleeper that was killed leaves the bit: one wake for nobody.
#include "platform/locked_files.h"

namespace smipc::detail {

std::uint32_t plat_unlock_prepare(std::atomic<std::uint32_t>* word) {
  return word->fetch_or(1, std::memory_order_seq_cst) |
         1;  // X1 (pairs with X2): then the lock is tried
}

PlatWake plat_unlock_sleep(std::atomic<std::uint32_t>* word, std::uint32_t prepared,
                           std::int64_t timeout_ns) {
  return plat_wait({nullptr, 0, word, prepared}, timeout_ns);
}

void plat_unlock_wake(std::atomic<std::uint32_t>* word) {
  // X2 (pairs with X1): after unlocking. Who set the bit later finds the lock free.
  if ((word->load(std::memory_order_seq_cst) & 1) == 0) return;
  word->fetch_add(1, std::memory_order_seq_cst);  // clears the bit, and counts
  plat_wake({nullptr, 0, word, 0});
}

}  // namespace smipc::detail
