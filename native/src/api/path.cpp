// See path.h.
#include "api/path.h"

#include <string_view>

#include "core/deadline.h"

namespace smipc::detail {

Status read_path(const char* noun, const void* path, std::size_t size, std::string* out) {
  if (path == nullptr)
    return fail(SMIPC_E_INVALID, {}, std::string("the ") + noun + "'s path is NULL");
  if (size == 0 || size > SMIPC_MAX_PATH) {
    return fail(SMIPC_E_INVALID, {},
                std::string("a ") + noun + "'s path has 1 to " + std::to_string(SMIPC_MAX_PATH) +
                    " bytes, not " + std::to_string(size));
  }
  const std::string_view text(static_cast<const char*>(path), size);
  if (text.find('\0') != std::string_view::npos) {
    return fail_object(SMIPC_E_INVALID, noun, text, "the path holds a NUL byte");
  }
  *out = text;
  return SMIPC_OK;
}

Status check_locking(const char* noun, const std::string& path, std::uint32_t mode,
                     std::int64_t timeout_ns) {
  if (mode > SMIPC_EXCLUSIVE) {
    return fail_object(SMIPC_E_INVALID, noun, path, "no mode: " + std::to_string(mode));
  }
  if (timeout_ns < kForever) {
    return fail_object(SMIPC_E_INVALID, noun, path,
                       "a timeout of " + std::to_string(timeout_ns) + " ns; -1 waits for ever");
  }
  return SMIPC_OK;
}

}  // namespace smipc::detail
