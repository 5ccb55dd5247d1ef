// A caller's timeout, turned into a point in time once, when it is first needed.
#pragma once

#include <algorithm>
#include <cstdint>

#include "platform/platform.h"
#include "smipc.h"

namespace smipc::detail {

inline constexpr std::int64_t kForever = SMIPC_FOREVER;
inline constexpr std::int64_t kSoon = SMIPC_SOON;

// What is left of a timeout when `spent_ns` have passed.
inline std::int64_t without(std::int64_t timeout_ns, std::int64_t spent_ns) {
  return timeout_ns > 0 ? std::max<std::int64_t>(timeout_ns - spent_ns, 0) : timeout_ns;
}

class Deadline {
 public:
  // timeout_ns as in smipc.h: 0 tries, kSoon tries and may spin a little, kForever waits for ever.
  explicit Deadline(std::int64_t timeout_ns)
      : timeout_ns_(timeout_ns == kSoon ? 0 : timeout_ns), soon_(timeout_ns == kSoon) {
    if (timeout_ns > 0) {
      const std::int64_t now = plat_now_ns();
      at_ns_ = timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
    }
  }

  bool tries_only() const { return timeout_ns_ == 0; }
  // Of one that tries only: it may spin before it gives up.
  bool soon() const { return soon_; }
  bool passed(std::int64_t now_ns) const { return timeout_ns_ >= 0 && now_ns >= at_ns_; }

  // What is left, at most `longest_ns`, never negative.
  std::int64_t slice(std::int64_t now_ns, std::int64_t longest_ns) const {
    if (timeout_ns_ < 0) return longest_ns;
    return std::clamp<std::int64_t>(at_ns_ - now_ns, 0, longest_ns);
  }

 private:
  std::int64_t timeout_ns_;
  std::int64_t at_ns_ = 0;
  bool soon_;
};

}  // namespace smipc::detail
