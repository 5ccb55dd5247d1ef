// Copying large payloads into shared memory: through the caches, or around them.
//
// A plain store to a line that another core has looked at waits for that core. Where this is dear (Zen 4:
// 1 to 3 GB/s to another part of the chip), non-temporal stores, which send the bytes to memory and tell
// caches only to forget them, are several times as fast. Where it is cheap they are the slower way, and the reader
// then fetches from memory what had been in a cache. So each handle that sends times a few of its copies, one way
// and, if that one is slow, the other. Figures, and what a wrong choice costs: docs/design/channel-ring.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/copy.h"

namespace smipc::detail {

// Smaller payloads go through the caches.
inline constexpr std::size_t kLargeCopy = 1024;

// memcpy, whole lines around the caches. Whoever sees a later store of this thread sees every byte.
inline void copy_non_temporal(std::byte* to, const std::byte* from, std::size_t size) {
#if SMIPC_SSE2
  copy_by_lines(to, from, size, [](__m128i* out, __m128i bytes) { _mm_stream_si128(out, bytes); });
  // Non-temporal stores are not ordered by the release store that publishes them (memory-model.md).
  _mm_sfence();
#else
  std::memcpy(to, from, size);
#endif
}

// Which way, for one handle. It only says so; who copies tells it how long that took.
class CopyChoice {
 public:
  explicit CopyChoice(std::uint64_t ring_bytes = 0);

  bool around_caches() const { return around_; }

  // Bytes that go this way before copies are timed again.
  std::int64_t left() const { return left_; }

  // Before a copy of `size` bytes: whether it is one to be timed.
  bool is_timed(std::size_t size) {
    const bool timed = left_ <= 0 && is_sample();
    if (!timed) left_ -= static_cast<std::int64_t>(size);
    last_ = {around_, timed};
    return timed;
  }

  // After it, if it was: how long it took, that way. Ignored where it comes too late, because other threads' copies
  // were enough.
  void learn(std::size_t size, std::int64_t ns, bool around);

  // How the last copy was made, asked once: false and false if there was none since the last time.
  struct Made {
    bool around = false;
    bool timed = false;
  };
  Made take_last() { return std::exchange(last_, Made()); }

  // What a copy that was timed has cost besides.
  void learn_more(std::int64_t ns);

 private:
  static constexpr std::size_t kSamples = 5;

  struct Sample {
    std::size_t size = 0;
    std::int64_t ns = 0;
  };

  bool is_sample();
  std::int64_t pace() const;
  void decide(std::int64_t pace_ns);

  std::int64_t left_;
  bool around_ = false;
  bool trial_ = false;  // of the way around
  Made last_;
  std::int64_t plain_pace_ns_ = 0;  // through the caches, when the trial began
  std::size_t count_ = 0;
  std::array<Sample, kSamples> samples_{};
};

// The copy of a writer. `size` is kLargeCopy at least.
void copy_large(CopyChoice& choice, std::byte* to, const std::byte* from, std::size_t size);

// The same for all threads that use a handle, which copy at once.
class SharedCopyChoice {
 public:
  void set(const CopyChoice& choice);
  CopyChoice get();  // for tests
  void copy_large(std::byte* to, const std::byte* from, std::size_t size);

 private:
  std::mutex mutex_;
  CopyChoice choice_;  // guarded by mutex_
};

}  // namespace smipc::detail
