// See large_copy.h.
#include "core/large_copy.h"

#include <algorithm>

#include "platform/platform.h"

namespace smipc::detail {
namespace {

constexpr std::int64_t kMebibyte = 1024 * 1024;
constexpr std::int64_t kPaceBytes = 64 * 1024;
constexpr std::int64_t kMostNs = 1'000'000'000;  // of a copy: keeps products in range

// Of the two mappings the first round also pays for their pages; of large ones, for some of them.
constexpr std::uint64_t kMostFirst = 64 * kMebibyte;
// Copies through the caches that are as fast as that (10 GB/s) are never worth a trial, ...
constexpr std::int64_t kFastPaceNs = 6554;
// ... and are looked at again soon, which costs nothing: threads are moved to other cores.
constexpr std::int64_t kBytesWhenFast = 4 * kMebibyte;
// Timing the slower way costs as much as some 2 MiB of the faster.
constexpr std::int64_t kBytesAfterTrial = 64 * kMebibyte;

// What the reader loses when it has to fetch from memory what had been in a cache: the first line comes that much
// later, and the rest at 15 to 25 instead of 35 to 45 GB/s.
std::int64_t reader_loses_ns(std::size_t size) {
  return 250 + static_cast<std::int64_t>(size) / 32;
}

void copy_by(bool around, std::byte* to, const std::byte* from, std::size_t size) {
  around ? copy_non_temporal(to, from, size) : copy_many(to, from, size);
}

std::int64_t ns_to_copy_by(bool around, std::byte* to, const std::byte* from, std::size_t size) {
  const std::int64_t start_ns = plat_now_ns();
  copy_by(around, to, from, size);
  return plat_now_ns() - start_ns;
}

}  // namespace

CopyChoice::CopyChoice(std::uint64_t ring_bytes)
    : left_(static_cast<std::int64_t>(std::min(2 * ring_bytes, kMostFirst))) {}

bool CopyChoice::is_sample() {
  if (count_ == kSamples) {
    decide(pace());
    count_ = 0;
    if (left_ > 0) return false;
  }
  around_ = trial_;  // the first ones go through the caches
  return true;
}

void CopyChoice::learn(std::size_t size, std::int64_t ns, bool around) {
  if (count_ == kSamples || left_ > 0 || around != around_) return;
  samples_[count_++] = {size, std::clamp<std::int64_t>(ns, 0, kMostNs)};
}

void CopyChoice::learn_more(std::int64_t ns) {
  if (count_ > 0) samples_[count_ - 1].ns += std::clamp<std::int64_t>(ns, 0, kMostNs);
}

// Of the samples, in ns for 64 KiB: the median, as two of the five may have been interrupted.
std::int64_t CopyChoice::pace() const {
  std::array<std::int64_t, kSamples> paces;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const auto [size, ns] = samples_[i];
    const std::int64_t cost = ns + (around_ ? reader_loses_ns(size) : 0);
    paces[i] = cost * kPaceBytes / static_cast<std::int64_t>(size);
  }
  std::sort(paces.begin(), paces.end());
  return paces[kSamples / 2];
}

void CopyChoice::decide(std::int64_t pace_ns) {
  if (trial_) {
    trial_ = false;
    around_ = pace_ns < plain_pace_ns_ - plain_pace_ns_ / 8;  // else it is not worth a switch
    left_ = kBytesAfterTrial;
  } else if (pace_ns <= kFastPaceNs) {
    left_ = kBytesWhenFast;
  } else {
    plain_pace_ns_ = pace_ns;
    around_ = trial_ = true;
  }
}

void copy_large(CopyChoice& choice, std::byte* to, const std::byte* from, std::size_t size) {
  const bool timed = SMIPC_SSE2 && choice.is_timed(size);
  const bool around = choice.around_caches();
  if (!timed) [[likely]]
    return copy_by(around, to, from, size);
  choice.learn(size, ns_to_copy_by(around, to, from, size), around);
}

void SharedCopyChoice::set(const CopyChoice& choice) {
  const std::lock_guard<std::mutex> guard(mutex_);
  choice_ = choice;
}

CopyChoice SharedCopyChoice::get() {
  const std::lock_guard<std::mutex> guard(mutex_);
  return choice_;
}

void SharedCopyChoice::copy_large(std::byte* to, const std::byte* from, std::size_t size) {
  if (!SMIPC_SSE2) return copy_by(false, to, from, size);
  std::unique_lock<std::mutex> guard(mutex_);
  const bool timed = choice_.is_timed(size);
  const bool around = choice_.around_caches();
  guard.unlock();
  if (!timed) return copy_by(around, to, from, size);
  const std::int64_t took_ns = ns_to_copy_by(around, to, from, size);
  guard.lock();
  choice_.learn(size, took_ns, around);
}

}  // namespace smipc::detail
