// See object_name.h.
#include "platform/macos/object_name.h"

#include <errno.h>

#include <cinttypes>
#include <cstdio>

#include "platform/posix/shm_file.h"
#include "smipc.h"

namespace smipc::detail {

std::string system_object_name(const std::string& name) {
  constexpr std::size_t kLongest = 29;  // and the slash
  if (name.size() <= kLongest) return "/" + name;
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  char text[32];
  std::snprintf(text, sizeof text, "/smipc-%016" PRIx64, hash);
  return text;
}

unsigned object_mode(std::uint32_t access) {
  if (access == SMIPC_ACCESS_ALL) return 0666;
  return access == SMIPC_ACCESS_GROUP ? 0660 : 0600;
}

PlatResult object_failure(const char* call, int error) {
  switch (error) {
    case ENOENT:
      return {SMIPC_E_NOT_FOUND, "it does not exist"};
    case EEXIST:
      return {SMIPC_E_EXISTS, "it exists already"};
    case EACCES:
    case EPERM:
      return {SMIPC_E_PERMISSION, "it belongs to another user"};
    case ENOSPC:
      return {SMIPC_E_NO_SPACE, "the system takes no more of them"};
    case ENOMEM:
      return {SMIPC_E_NO_MEMORY, ""};
    default:
      return os_failure(call, error);
  }
}

}  // namespace smipc::detail
