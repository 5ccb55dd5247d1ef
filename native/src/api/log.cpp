// See log.h.
#include "api/log.h"

#include <atomic>
#include <cinttypes>
#include <cstdio>

namespace smipc::detail {
namespace {

std::atomic<std::int32_t> g_level{SMIPC_LOG_DISABLE};  // relaxed: nothing depends on it

std::int32_t level() { return g_level.load(std::memory_order_relaxed); }

const char* end_name(const Channel& channel) { return channel.is_writer() ? "writer" : "reader"; }

}  // namespace

void set_log_level(std::int32_t new_level) { g_level.store(new_level, std::memory_order_relaxed); }

bool logs_openings() { return level() >= SMIPC_LOG_BASIC; }

bool logs_transfers() { return level() >= SMIPC_LOG_ALL; }

void log_line(const Channel& channel, const char* event) {
  if (!logs_openings()) return;
  std::fprintf(stderr, "smipc: %s %s of channel '%s' (%" PRIu64 " bytes)\n", event,
               end_name(channel), printable(channel.name).c_str(), channel.capacity);
}

void log_transfer(const Channel& channel, const char* event, std::uint64_t size, Status status) {
  if (!logs_transfers()) return;
  std::fprintf(stderr, "smipc: %s %" PRIu64 " bytes on channel '%s': %s\n", event, size,
               printable(channel.name).c_str(), status_name(status));
}

}  // namespace smipc::detail
