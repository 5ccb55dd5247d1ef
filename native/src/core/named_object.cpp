// See named_object.h.
#include "core/named_object.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace smipc::detail {
namespace {

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

Status bad_option(const char* noun, const std::string& name, const char* what,
                  std::uint32_t value) {
  return fail_object(SMIPC_E_INVALID, noun, name, what + std::to_string(value));
}

}  // namespace

Status read_object_name(const char* noun, const void* name, std::size_t size, std::string* out) {
  if (name == nullptr) {
    return fail(SMIPC_E_INVALID, {}, std::string("the ") + noun + "'s name is NULL");
  }
  std::string_view text(static_cast<const char*>(name), size);
  text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  if (text.empty() || text.size() > SMIPC_MAX_NAME ||
      !std::all_of(text.begin(), text.end(), is_allowed)) {
    return fail_object(SMIPC_E_INVALID, noun, {static_cast<const char*>(name), size},
                       "a name is 1 to 200 letters, digits, '-' and '_', with or without a '/' in "
                       "front; this one has " +
                           std::to_string(text.size()) + " bytes");
  }
  *out = text;
  return SMIPC_OK;
}

Status read_object_options(const char* noun, const std::string& name,
                           const smipc_object_options* given, smipc_object_options* out) {
  smipc_object_options_init(out);
  if (given == nullptr) return SMIPC_OK;
  if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096) {
    return bad_option(noun, name, "options.struct_size is not set by smipc_object_options_init: ",
                      given->struct_size);
  }
  std::memcpy(out, given, std::min<std::size_t>(given->struct_size, sizeof *out));
  out->struct_size = sizeof *out;
  if (out->existence > SMIPC_UNLINK_AND_CREATE) {
    return bad_option(noun, name, "no value of existence: ", out->existence);
  }
  if (out->unlink > SMIPC_UNLINK_ALWAYS) {
    return bad_option(noun, name, "no value of unlink: ", out->unlink);
  }
  if (out->access > SMIPC_ACCESS_ALL) return bad_option(noun, name, "no access: ", out->access);
  return SMIPC_OK;
}

Status object_status(const char* noun, const std::string& name, const PlatResult& result) {
  return result ? SMIPC_OK : fail_object(result.status, noun, "/" + name, result.detail);
}

}  // namespace smipc::detail
