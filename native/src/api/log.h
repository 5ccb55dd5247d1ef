// The log on stderr: names and sizes, never content.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/channel.h"

namespace smipc::detail {

void set_log_level(std::int32_t level);
bool logs_openings();
bool logs_transfers();

void log_line(const Channel& channel, const char* event);
void log_transfer(const Channel& channel, const char* event, std::uint64_t size, Status status);

}  // namespace smipc::detail
