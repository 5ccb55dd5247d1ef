// See ring.h.
#include "core/ring.h"

namespace smipc::detail {

bool effective_tail(const Channel& channel, std::uint64_t head, std::uint64_t* out) {
  constexpr int kTries = 64;  // a hostile reader could move `exact` for ever
  const EndShm& reader = channel.shm->reader;
  for (int attempt = 0;; ++attempt) {
    // E1 (pairs with E2 in reading.h): the reader's loads of a record before its tail.
    const std::uint64_t exact = reader.exact.load(std::memory_order_acquire);
    // B1 (pairs with B2 and E3 in fetch.cpp): the table before the `taken` that counts in it, and the
    // reader's copying before the binding's own stores to it.
    const std::uint64_t taken = reader.taken.load(std::memory_order_acquire);
    std::uint64_t tail = exact;
    if ((taken >> 16) == (exact & kLengthMask) && (taken & 0xffff) != 0) {
      const std::uint64_t count = taken & 0xffff;
      if (count > kBatchMost) return false;
      tail += std::uint64_t{8} * channel.shm->batch.ends[count - 1].load(std::memory_order_relaxed);
    }
    // B3 (pairs with B4 in fetch.cpp): if the reader has ended its list between these loads, or begun
    // its next table, `exact` has moved, and what was read does not belong together.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (reader.exact.load(std::memory_order_relaxed) != exact && attempt < kTries) continue;
    *out = tail;
    return head - tail <= channel.limit;
  }
}

}  // namespace smipc::detail
