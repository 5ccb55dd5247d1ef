// See writing.h.
#include "core/writing.h"

#include "core/ring.h"

namespace smipc::detail {
namespace {

// A look costs as much as two sends.
constexpr std::uint32_t kLookIntervalMax = 32;
constexpr std::int64_t kQuickNs = 1'000'000;

// A wait for `cost` bytes of room. The reader's cursor may be behind by limit/8; the exact tail is
// on a line that the reader keeps to itself, so it is read rarely.
struct RoomWait {
  Channel& channel;
  std::uint64_t cost;
  bool corrupt = false;

  // The reader's cursor follows what is taken, so a value may be older than what is known: by less than
  // limit/8, and by a list of two messages that is being handed out, which may fill the ring.
  bool accept(std::uint64_t tail) {
    WriterState& writer = channel.writer;
    const std::uint64_t known = writer.room_end - channel.limit;
    if (tail - known <= writer.head - known) {
      writer.room_end = tail + channel.limit;
      const std::uint64_t used = writer.head - tail;
      writer.in_stream = used > kClaimBytes;
      if (used > channel.self->high_water.load(std::memory_order_relaxed)) {
        channel.self->high_water.store(used, std::memory_order_relaxed);
      }
    } else if (known - tail > 2 * channel.limit) {
      return corrupt = true;
    }
    return room(channel) >= cost;
  }

  bool operator()(bool thorough) {
    // T2 (pairs with T1 in reading.cpp): the reader's loads before its tail.
    if (accept(channel.peer->cursor.load(std::memory_order_acquire))) return true;
    if (!thorough) return false;
    std::uint64_t tail = 0;
    if (!effective_tail(channel, channel.writer.head, &tail)) return corrupt = true;
    return accept(tail);
  }
};

Status corrupt_tail(const Channel& channel) {
  return fail(SMIPC_E_CORRUPT, channel.name,
              "the reader's cursor is " +
                  std::to_string(channel.peer->cursor.load(std::memory_order_relaxed)) +
                  ", the writer's is " + std::to_string(channel.writer.head) +
                  ", and the channel holds " + std::to_string(channel.limit));
}

}  // namespace

void let_send_on_after_large(Channel& channel, std::int64_t claim) {
  CopyChoice& choice = channel.writer.copy_choice;
  const CopyChoice::Made last = choice.take_last();
  // What went around the caches is likely to be followed by more, and the lines that this finds in this core's
  // cache have to leave it first.
  if (last.around) claim = 0;
  if (!last.timed) return let_send_on(channel, claim);
  // In either case, so that both ways pay for the clock.
  const std::int64_t start_ns = plat_now_ns();
  let_send_on(channel, claim);
  choice.learn_more(plat_now_ns() - start_ns);
}

Status wait_for_room(Channel& channel, std::uint64_t cost, const Deadline& deadline) {
  if (cost <= room(channel)) return SMIPC_OK;
  RoomWait wait{channel, cost};
  const Status status =
      wait_until(channel, deadline, cost, [&wait](bool thorough) { return wait(thorough); });
  if (wait.corrupt) return corrupt_tail(channel);
  return status;
}

Status wait_until_taken(Channel& channel, const Deadline& deadline) {
  bool corrupt = false;
  const std::uint64_t end = channel.writer.head;
  const Status status = wait_until(channel, deadline, 0, [&channel, &corrupt, end](bool) {
    std::uint64_t tail = 0;
    if (!effective_tail(channel, end, &tail)) return corrupt = true;
    return tail == end;
  });
  return corrupt ? corrupt_tail(channel) : status;
}

Status look_around(Channel& channel) {
  WriterState& writer = channel.writer;
  const std::int64_t now_ns = plat_now_coarse_ns();
  const bool quick = now_ns - writer.last_look_ns < kQuickNs;
  writer.last_look_ns = now_ns;
  writer.look_interval = quick ? std::clamp(writer.look_interval * 2, 1u, kLookIntervalMax) : 0;
  writer.look_end = writer.fast_end = writer.head;
  const Status gone = look_for_peer(channel, false, now_ns);
  return gone == SMIPC_OK ? SMIPC_OK : fail(gone, channel.name);
}

}  // namespace smipc::detail
