// A table of handles whose functions do without a handle argument: they are compiled once per slot.
//
// A foreign-function interface converts each argument at run time, which costs more than a message.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace smipc::detail {

template <class Handle>
class SlotTable {
 public:
  static constexpr std::size_t kSlots = 256;

  // Whose calls the functions of the slot are; NULL: nobody's. Relaxed: whoever makes such a call has got
  // the functions from the one that took the slot, and keeps the handle meanwhile.
  static Handle* at(std::size_t slot) { return handles_[slot].load(std::memory_order_relaxed); }

  // The handle's slot, a new one if it has none yet; kSlots: all are taken. The handle's owner makes sure
  // that no two threads take a slot for one handle, or free it, at a time.
  static std::size_t take(Handle* handle) {
    const std::size_t slot = exchange(handle, handle);
    return slot < kSlots ? slot : exchange(nullptr, handle);
  }

  // Before the handle is freed: its functions may become another one's.
  static void release(Handle* handle) { exchange(handle, nullptr); }

  // `Calls` for each slot, from CallsOf<slot>::calls().
  template <class Calls, template <std::size_t> class CallsOf>
  static constexpr std::array<Calls, kSlots> all() {
    return all<Calls, CallsOf>(std::make_index_sequence<kSlots>());
  }

 private:
  template <class Calls, template <std::size_t> class CallsOf, std::size_t... kSlot>
  static constexpr std::array<Calls, kSlots> all(std::index_sequence<kSlot...>) {
    return {{CallsOf<kSlot>::calls()...}};
  }

  // The slot that holds `wanted`, which gets `next` instead.
  static std::size_t exchange(Handle* wanted, Handle* next) {
    std::size_t slot = 0;
    for (; slot < kSlots; ++slot) {
      Handle* expected = wanted;
      // Acquire and release: what the last owner of the slot did with it is over.
      if (handles_[slot].compare_exchange_strong(expected, next, std::memory_order_acq_rel)) break;
    }
    return slot;
  }

  static inline constinit std::atomic<Handle*> handles_[kSlots] = {};
};

}  // namespace smipc::detail
