// What the two smipc programs share: opening an end as the options say, and failing with smipc's
// own words.
#pragma once

#include <smipc.h>

#include <string>

#include "options.hpp"

namespace bench {

inline void check(smipc_status status, const char* what) {
  if (status != SMIPC_OK) [[unlikely]] {
    fail(std::string(what) + ": " + smipc_status_name(status) + ": " + smipc_last_error());
  }
}

inline smipc_channel* open_end(const std::string& name, std::uint32_t mode,
                               const Options& options) {
  smipc_channel_options settings;
  smipc_channel_options_init(&settings);
  settings.framing = options.framing == "stream" ? SMIPC_STREAM : SMIPC_MESSAGE;
  settings.wait = options.wait == "spin"    ? SMIPC_WAIT_SPIN
                  : options.wait == "block" ? SMIPC_WAIT_BLOCK
                                            : SMIPC_WAIT_HYBRID;
  smipc_channel* channel = nullptr;
  check(smipc_channel_open(name.data(), name.size(), mode, options.capacity, &settings, &channel),
        "smipc_channel_open");
  return channel;
}

}  // namespace bench
