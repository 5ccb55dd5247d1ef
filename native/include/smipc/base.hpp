// What everything in C++ shares: errors, timeouts, who may open an object.
#ifndef SMIPC_BASE_HPP
#define SMIPC_BASE_HPP

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>

#include "../smipc.h"

namespace smipc {

using Status = smipc_status;  // SMIPC_OK or one of SMIPC_E_*

// ---- Errors ----------------------------------------------------------------------------------

class Error : public std::runtime_error {
 public:
  Error(Status status, const char *what) : std::runtime_error(what), status_(status) {}
  Status status() const noexcept { return status_; }
  const char *name() const noexcept { return smipc_status_name(status_); }

 private:
  Status status_;
};

// The three that programs catch on purpose.
struct TimedOut : Error {
  using Error::Error;
};
struct OppositeEndClosed : Error {
  using Error::Error;
};
struct OppositeEndDied : OppositeEndClosed {
  using OppositeEndClosed::OppositeEndClosed;
};

namespace detail {

// Throws what belongs to `status`, which is the status of this thread's last call.
[[noreturn]] inline void fail(Status status) {
  const char *text = smipc_last_error();
  if (text == nullptr || *text == '\0') text = smipc_status_message(status);
  switch (status) {
    case SMIPC_E_TIMED_OUT:
      throw TimedOut(status, text);
    case SMIPC_E_OPPOSITE_CLOSED:
      throw OppositeEndClosed(status, text);
    case SMIPC_E_OPPOSITE_DIED:
      throw OppositeEndDied(status, text);
    default:
      throw Error(status, text);
  }
}

inline void check(Status status) {
  if (status != SMIPC_OK) [[unlikely]]
    fail(status);
}

}  // namespace detail

// ---- Timeouts --------------------------------------------------------------------------------

// Rounded up to nanoseconds; a duration beyond 292 years is for ever.
class Timeout {
 public:
  constexpr Timeout(std::nullopt_t) noexcept {}

  template <class Rep, class Period>
  constexpr Timeout(std::chrono::duration<Rep, Period> time) noexcept {
    using Seconds = std::chrono::duration<double>;
    if (!(time > time.zero())) {
      ns_ = 0;
    } else if (std::chrono::duration_cast<Seconds>(time) < Seconds(9.2e9)) {
      ns_ = std::chrono::ceil<std::chrono::nanoseconds>(time).count();
    }
  }

  template <class Rep, class Period>
  constexpr Timeout(std::optional<std::chrono::duration<Rep, Period>> time) noexcept
      : Timeout(time ? Timeout(*time) : Timeout(std::nullopt)) {}

  constexpr std::int64_t nanoseconds() const noexcept { return ns_; }

 private:
  std::int64_t ns_ = SMIPC_FOREVER;
};

inline constexpr Timeout forever{std::nullopt};
inline constexpr Timeout no_wait{std::chrono::nanoseconds{0}};

namespace detail {

// What is left of a timeout for the second and later calls that serve one request.
class Deadline {
 public:
  explicit Deadline(Timeout timeout) : timeout_(timeout) {
    if (timeout.nanoseconds() > 0) start_ = Clock::now();
  }
  Timeout left() const {
    if (timeout_.nanoseconds() <= 0) return timeout_;
    return std::chrono::nanoseconds(timeout_.nanoseconds()) - (Clock::now() - start_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  Timeout timeout_;
  Clock::time_point start_{};
};

}  // namespace detail

// ---- Access ----------------------------------------------------------------------------------

enum class Access : std::uint32_t {
  kUser = SMIPC_ACCESS_USER,
  kGroup = SMIPC_ACCESS_GROUP,
  kAll = SMIPC_ACCESS_ALL
};

}  // namespace smipc

#endif  // SMIPC_BASE_HPP
