// Closing an end, and waking those who sleep in it.
//
// Order: kClosed in the role's word (G2) and wake the opposite end, at once, so that a stuck setup
// section keeps nobody waiting; then, inside the section, give up the role, and remove the name if
// nobody is left. What a crash at each step leaves: before kClosed, a
// role that the OS frees (died); after it, a role that closed. A name that was not removed is stale
// and goes when it is next opened or swept.
#include "core/channel.h"
#include "core/layout.h"
#include "core/listener.h"
#include "core/ring.h"
#include "core/waiting.h"
#include "core/watcher.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kSetupTimeoutNs = 10'000'000'000;

bool is_our_segment(const Channel& channel, const PlatSetup* setup) {
  SegmentHeaderShm header;
  return plat_setup_read(setup, &header, sizeof header) && header.nonce == channel.nonce;
}

bool peer_holds_role(const Channel& channel, const PlatSetup* setup) {
  return plat_setup_role_held(setup, channel.peer_role(),
                              channel.peer->pid.load(std::memory_order_relaxed),
                              channel.peer->start_time.load(std::memory_order_relaxed));
}

// A reader whose fetched list was handed on to its last message has taken all of it.
void settle_batch(Channel& channel) {
  if (channel.is_writer() || !channel.reader.batch) return;
  std::uint64_t tail = 0;
  const std::uint64_t head = channel.peer->cursor.load(std::memory_order_acquire);
  if (effective_tail(channel, head, &tail)) {
    channel.self->exact.store(tail, std::memory_order_release);  // E2
  }
}

void leave_segment(Channel& channel) {
  settle_batch(channel);
  // G2 (pairs with G1): what we wrote, or read, before the flag.
  channel.self->wait_word.fetch_or(kClosed, std::memory_order_seq_cst);
  wake_peer_slowly(channel);
  PlatSetup* setup = nullptr;
  const PlatResult entered = plat_setup_enter({channel.name, kKindChannel}, false, SMIPC_ACCESS_ALL,
                                              kSetupTimeoutNs, &setup);
  const bool last = entered && channel.lifetime == SMIPC_LIFETIME_PROCESS &&
                    is_our_segment(channel, setup) && !peer_holds_role(channel, setup);
  plat_segment_release(channel.segment);
  if (last) plat_setup_remove(setup, false, channel.nonce);  // nothing of it is mapped here now
  if (entered) plat_setup_leave(setup);
}

}  // namespace

void kick_sleepers(Channel& channel) {
  // Q2 (pairs with Q1): the flag that the caller stored, before the word changes. A sleeper that
  // checked before the flag finds the word changed, or is woken.
  channel.self->wait_word.fetch_and(~kSleeping, std::memory_order_seq_cst);
  plat_wake(channel.wait_point(0));
}

Status channel_close(Channel& channel) {
  if (on_listener_thread(channel)) {
    return fail(SMIPC_E_BUSY, channel.name, "a listener's callback cannot close its channel");
  }
  EndState expected = EndState::kUsable;
  if (!channel.state.compare_exchange_strong(expected, EndState::kClosing,
                                             std::memory_order_seq_cst)) {
    if (expected == EndState::kForked) return SMIPC_OK;  // the parent's end is not ours to close
    // Somebody else is closing it: the end is closed when we return, too.
    while (channel.state.load(std::memory_order_acquire) == EndState::kClosing) {
      std::this_thread::yield();
    }
    return SMIPC_OK;
  }
  stop_listening(channel);
  kick_sleepers(channel);
  bool as_owner = channel.lock.enter_as_owner();
  if (!as_owner) channel.lock.enter(Deadline(kForever), &as_owner);
  channel.allowed.store(0, std::memory_order_relaxed);
  if (channel.watch) channel.watch->stop();
  leave_segment(channel);
  channel.state.store(EndState::kShut, std::memory_order_release);
  registry_remove(&channel);  // last: a child forked meanwhile must find it there
  as_owner ? channel.lock.leave_as_owner() : channel.lock.leave();
  return SMIPC_OK;
}

}  // namespace smipc::detail
