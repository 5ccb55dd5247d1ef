// See guard.h.
#include "api/guard.h"

namespace smipc::detail {

Status bad_timeout(const Channel& channel, std::int64_t timeout_ns) {
  return fail(SMIPC_E_INVALID, channel.name,
              "a timeout of " + std::to_string(timeout_ns) + " ns; -1 waits for ever");
}

Status bad_pointer(const Channel& channel, const char* what) {
  return fail(SMIPC_E_INVALID, channel.name, std::string(what) + " is NULL");
}

Status bad_size(const Channel& channel, std::uint64_t size) {
  return fail(SMIPC_E_INVALID, channel.name,
              "a size of " + std::to_string(size) + " bytes; the most is " +
                  std::to_string(SMIPC_MAX_MESSAGE));
}

Status check_messages(const Channel& channel, const smipc_buffer* messages, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto [data, size] = messages[i];
    if (data == nullptr && size > 0) return bad_pointer(channel, "a buffer");
    if (size > SMIPC_MAX_MESSAGE) return bad_size(channel, size);
  }
  return SMIPC_OK;
}

Status check_parts(const Channel& channel, const smipc_buffer* parts, std::size_t count) {
  if (parts == nullptr && count > 0) return bad_pointer(channel, "the array of buffers");
  const Status checked = check_messages(channel, parts, count);
  if (checked != SMIPC_OK) return checked;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    total += parts[i].size;
    if (total > SMIPC_MAX_MESSAGE) return bad_size(channel, total);
  }
  return SMIPC_OK;
}

}  // namespace smipc::detail
