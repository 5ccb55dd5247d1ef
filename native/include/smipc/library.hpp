// What concerns the whole library, as it is loaded in this process.
#ifndef SMIPC_LIBRARY_HPP
#define SMIPC_LIBRARY_HPP

#include <cstddef>
#include <cstdint>

#include "base.hpp"

namespace smipc {

enum class LogLevel : std::int32_t {
  kDisable = SMIPC_LOG_DISABLE,
  kBasic = SMIPC_LOG_BASIC,
  kAll = SMIPC_LOG_ALL
};

// Sets the log level of the process (lines go to stderr). Optional.
inline void init(LogLevel level) { detail::check(smipc_init(static_cast<std::int32_t>(level))); }

// Closes every end that this process has open.
inline void clean() { detail::check(smipc_clean()); }

// Removes what killed processes have left, and returns how many segments that were.
inline std::size_t clean_stale() {
  std::size_t removed = 0;
  detail::check(smipc_clean_stale(&removed));
  return removed;
}

}  // namespace smipc

#endif  // SMIPC_LIBRARY_HPP
