// What a channel is opened with.
#ifndef SMIPC_CHANNEL_OPTIONS_HPP
#define SMIPC_CHANNEL_OPTIONS_HPP

#include <cstdint>

#include "base.hpp"

namespace smipc {

enum class Framing : std::uint32_t { kStream = SMIPC_STREAM, kMessage = SMIPC_MESSAGE };

enum class Wait : std::uint32_t {
  kSpin = SMIPC_WAIT_SPIN,
  kHybrid = SMIPC_WAIT_HYBRID,
  kBlock = SMIPC_WAIT_BLOCK
};

enum class Lifetime : std::uint32_t {
  kProcess = SMIPC_LIFETIME_PROCESS,
  kKernel = SMIPC_LIFETIME_KERNEL
};

// Who comes first creates the channel; the second attaches, and of its options only `framing`
// (which must match) and `wait` (its own) count.
struct Options {
  std::uint64_t capacity_bytes = 65536;
  Framing framing = Framing::kStream;
  Wait wait = Wait::kHybrid;
  Lifetime lifetime = Lifetime::kProcess;
  Access access = Access::kUser;
};

}  // namespace smipc

#endif  // SMIPC_CHANNEL_OPTIONS_HPP
