// Sleeping on a word that processes share: os_sync_wait_on_address where the system has it (macOS
// 14.4), the older calls beneath it elsewhere.
#pragma once

#include <atomic>
#include <cstdint>

namespace smipc::detail {

// Returns 0 or more, or -1 with errno: ETIMEDOUT, EINTR, others.
int address_wait(std::atomic<std::uint32_t>* word, std::uint32_t expected, std::int64_t timeout_ns);
void address_wake_all(std::atomic<std::uint32_t>* word);
void address_wake_one(std::atomic<std::uint32_t>* word);

}  // namespace smipc::detail
