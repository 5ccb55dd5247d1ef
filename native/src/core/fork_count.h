// How often the ancestors of this process have forked since the library was loaded: a handle whose
// number differs was opened by a parent.
#pragma once

#include <atomic>
#include <cstdint>

namespace smipc::detail {

// Relaxed: changes only in a forked child, before its one thread runs anything else.
inline std::atomic<std::uint32_t> g_fork_count{0};

inline std::uint32_t fork_count() { return g_fork_count.load(std::memory_order_relaxed); }

}  // namespace smipc::detail
