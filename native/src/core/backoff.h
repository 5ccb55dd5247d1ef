// Letting the writer run ahead a little.
//
// A reader right behind the writer steals each cache line as it is written, and both crawl at the
// speed of the line between the cores. After a burst of messages the reader therefore stays away for 0.3
// to 3 us, the shorter the longer the bursts get. So it does in a stream when it has used up what it knew
// of and finds little more. (M messages/s of 64 and 256 B, one a call, near: 142 and 57 with the first rule
// alone, 163 and 95 with both.) Not in a ping-pong, which would pay the delay each time: there the
// messages are at least a round trip between two cores apart, and staying away brings no more of them.
#pragma once

#include <cstdint>

namespace smipc::detail {

// Of one reader.
struct DrainBackoff {
  std::uint64_t burst_start =
      0;  // messages read when the reader last stayed away, or found nothing
  std::uint64_t window_start = 0;  // messages read when the rate was last looked at
  std::int64_t window_start_ns = 0;
  std::uint32_t looks = 0;  // that found nothing, or little
  std::uint32_t delay_ns = 0;
  bool fast_stream = false;  // by the last window
  bool stayed = false;       // the reader stayed away when it last came this far
};

inline constexpr std::uint64_t kBurstAlways = 8;  // no ping-pong sends so many at once
inline constexpr std::uint32_t kLooksPerRate = 32;

void look_at_rate(DrainBackoff& backoff, std::uint64_t messages);

// Counts a look that found nothing, or little; `messages` is how many have been read in all.
inline void count_look(DrainBackoff& backoff, std::uint64_t messages) {
  if (++backoff.looks % kLooksPerRate == 0) [[unlikely]]
    look_at_rate(backoff, messages);
}

// When the ring is found empty: whether to stay away before looking again.
inline bool wants_distance(DrainBackoff& backoff, std::uint64_t messages) {
  count_look(backoff, messages);
  if (messages - backoff.burst_start >= kBurstAlways || backoff.fast_stream) return true;
  backoff.burst_start = messages;
  backoff.stayed = false;
  return false;
}

void stay_away(DrainBackoff& backoff, std::uint64_t messages);

// When it is found nearly empty. Nothing waits for what is not in a stream: there is a message.
inline void back_off_when_close(DrainBackoff& backoff, std::uint64_t messages) {
  count_look(backoff, messages);
  if (backoff.fast_stream) stay_away(backoff, messages);
}

}  // namespace smipc::detail
