// A table of handles whose functions do without a handle argument: they are compiled once per slot.
//
// A foreign-function interface converts each argument at run time, which costs more than a message.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace smipc::detail {

inline constexpr std::uint32_t kNoSlot = UINT32_MAX;

// `Handle` has a `bound_slot`, its slot or kNoSlot. All orders are relaxed: a slot says whose its functions
// are and nothing else, and whoever calls one has got it from the thread that took the slot.
template <class Handle>
class SlotTable {
 public:
  static constexpr std::uint32_t kSlots = 256;

  // Whose calls the functions of the slot are; NULL: nobody's.
  static Handle* at(std::uint32_t slot) { return handles_[slot].load(std::memory_order_relaxed); }

  // The handle's slot, a new one if it has none yet; kNoSlot: all are taken. Any thread.
  static std::uint32_t take(Handle& handle) {
    std::uint32_t slot = handle.bound_slot.load(std::memory_order_relaxed);
    if (slot != kNoSlot) return slot;
    const std::uint32_t fresh = claim(handle);
    if (fresh == kNoSlot) return kNoSlot;
    if (handle.bound_slot.compare_exchange_strong(slot, fresh, std::memory_order_relaxed)) {
      return fresh;
    }
    handles_[fresh].store(nullptr, std::memory_order_relaxed);  // another thread was first
    return slot;
  }

  // Before the handle is freed: its functions may become another one's.
  static void release(Handle& handle) {
    const std::uint32_t slot = handle.bound_slot.load(std::memory_order_relaxed);
    if (slot != kNoSlot) handles_[slot].store(nullptr, std::memory_order_relaxed);
  }

  // `Calls` of each slot, from CallsOf<slot>::calls().
  template <class Calls, template <std::uint32_t> class CallsOf>
  static constexpr std::array<Calls, kSlots> all() {
    return all<Calls, CallsOf>(std::make_integer_sequence<std::uint32_t, kSlots>());
  }

 private:
  template <class Calls, template <std::uint32_t> class CallsOf, std::uint32_t... kSlot>
  static constexpr std::array<Calls, kSlots> all(std::integer_sequence<std::uint32_t, kSlot...>) {
    return {{CallsOf<kSlot>::calls()...}};
  }

  static std::uint32_t claim(Handle& handle) {
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      Handle* nobody = nullptr;
      if (at(slot) == nobody &&
          handles_[slot].compare_exchange_strong(nobody, &handle, std::memory_order_relaxed)) {
        return slot;
      }
    }
    return kNoSlot;
  }

  static inline constinit std::atomic<Handle*> handles_[kSlots] = {};
};

}  // namespace smipc::detail
