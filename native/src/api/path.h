// Arguments that locks and locked structures have in common: paths, modes, timeouts.
#pragma once

#include <string>

#include "core/error.h"
#include "smipc.h"

namespace smipc::detail {

// Checks a caller's path. SMIPC_E_INVALID.
Status read_path(const char* noun, const void* path, std::size_t size, std::string* out);

// Checks a mode and a timeout. SMIPC_E_INVALID.
Status check_locking(const char* noun, const std::string& path, std::uint32_t mode,
                     std::int64_t timeout_ns);

}  // namespace smipc::detail
