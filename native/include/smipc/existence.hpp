// What semaphores, shared memory and message queues have in common: see smipc/existence.h.
#ifndef SMIPC_EXISTENCE_HPP
#define SMIPC_EXISTENCE_HPP

#include <cstdint>

#include "base.hpp"
#include "existence.h"

namespace smipc {

enum class Existence : std::uint32_t {
  kRaiseIfNotExists = SMIPC_RAISE_IF_NOT_EXISTS,
  kRaiseIfExists = SMIPC_RAISE_IF_EXISTS,
  kLinkOrCreate = SMIPC_LINK_OR_CREATE,
  kUnlinkAndCreate = SMIPC_UNLINK_AND_CREATE,
};

enum class Unlink : std::uint32_t {
  kIfCreated = SMIPC_UNLINK_IF_CREATED,
  kNever = SMIPC_UNLINK_NEVER,
  kAlways = SMIPC_UNLINK_ALWAYS,
};

namespace detail {

inline smipc_object_options object_options(Existence existence, Unlink unlink, Access access) {
  smipc_object_options options;
  smipc_object_options_init(&options);
  options.existence = static_cast<std::uint32_t>(existence);
  options.unlink = static_cast<std::uint32_t>(unlink);
  options.access = static_cast<std::uint32_t>(access);
  return options;
}

}  // namespace detail
}  // namespace smipc

#endif
