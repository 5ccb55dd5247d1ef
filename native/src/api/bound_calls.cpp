// Calls without a handle argument: functions that are compiled once per slot of a table of handles.
//
// A foreign-function interface converts each argument at run time, which costs more than the message.
#include "api/bound_calls.h"

#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "api/guard.h"

namespace smipc::detail {
namespace {

constexpr std::size_t kSlots = 256;

// Whose calls the functions of each slot are; NULL: nobody's. Relaxed in the calls: whoever makes one has
// got the functions from smipc_channel_bind, and keeps the handle meanwhile.
constinit std::atomic<smipc_channel*> g_bound[kSlots] = {};

template <std::size_t kSlot>
struct CallsOf {
  static smipc_channel* handle() { return g_bound[kSlot].load(std::memory_order_relaxed); }
  static smipc_status try_send(const void* data, std::size_t size) {
    return smipc_channel_send(handle(), data, size, 0);
  }
  static smipc_status try_send_sized(const void* data) {
    return smipc_channel_send(handle(), data, data == nullptr ? 0 : smipc_size_before(data), 0);
  }
  static std::int64_t fetch_wait() { return smipc_channel_fetch_wait(handle()); }
  static std::int64_t fetch_soon() { return smipc_channel_fetch_soon(handle()); }
  static std::int64_t fetch_now() { return smipc_channel_fetch_now(handle()); }
};

template <std::size_t... kSlot>
constexpr std::array<smipc_channel_calls, kSlots> calls_of(std::index_sequence<kSlot...>) {
  return {{{CallsOf<kSlot>::try_send, CallsOf<kSlot>::try_send_sized, CallsOf<kSlot>::fetch_wait,
            CallsOf<kSlot>::fetch_soon, CallsOf<kSlot>::fetch_now}...}};
}

constexpr std::array<smipc_channel_calls, kSlots> kCalls =
    calls_of(std::make_index_sequence<kSlots>());

// The slot that holds `wanted`, which gets `next` instead; kSlots: none does. The handle's owner makes
// sure that no two threads bind or free one handle at a time.
std::size_t exchange(smipc_channel* wanted, smipc_channel* next) {
  std::size_t slot = 0;
  for (; slot < kSlots; ++slot) {
    smipc_channel* expected = wanted;
    // Acquire and release: what the last owner of the slot did with it is over.
    if (g_bound[slot].compare_exchange_strong(expected, next, std::memory_order_acq_rel)) break;
  }
  return slot;
}

}  // namespace

void unbind_calls(smipc_channel* channel) { exchange(channel, nullptr); }

}  // namespace smipc::detail

using namespace smipc::detail;

extern "C" {

SMIPC_API size_t smipc_size_before(const void* data) {
  size_t size;
  std::memcpy(&size, static_cast<const std::byte*>(data) - 2 * sizeof size, sizeof size);
  return size;
}

SMIPC_API smipc_status smipc_channel_bind(smipc_channel* channel, smipc_channel_calls* out) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (out == nullptr) return bad_pointer(*channel, "out");
    std::size_t slot = exchange(channel, channel);
    if (slot == kSlots) slot = exchange(nullptr, channel);
    if (slot == kSlots) {
      return fail(SMIPC_E_LIMIT, channel->name,
                  std::to_string(kSlots) + " handles have calls of their own already");
    }
    *out = kCalls[slot];
    return SMIPC_OK;
  });
}

}  // extern "C"
