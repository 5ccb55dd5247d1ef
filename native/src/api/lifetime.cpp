// The exported functions that open, close, remove and look at channels.
#include <cstring>

#include "api/guard.h"
#include "api/log.h"
#include "core/slot_table.h"

using namespace smipc::detail;

namespace {

Status check_name(const void* name, size_t size) {
  if (name == nullptr) return fail(SMIPC_E_INVALID, {}, "the channel's name is NULL");
  if (size == 0) return fail(SMIPC_E_INVALID, {}, "the channel's name is empty");
  if (size > SMIPC_MAX_NAME) {
    return fail(SMIPC_E_INVALID, {},
                "the channel's name has " + std::to_string(size) + " bytes; the most is " +
                    std::to_string(SMIPC_MAX_NAME));
  }
  const std::string_view text(static_cast<const char*>(name), size);
  if (text.find('\0') != std::string_view::npos) {
    return fail(SMIPC_E_INVALID, text, "the name holds a NUL byte");
  }
  return SMIPC_OK;
}

Status out_of_range(std::string_view name, const char* what, std::uint64_t value) {
  return fail(SMIPC_E_INVALID, name, std::string(what) + " " + std::to_string(value));
}

Status check_options(std::string_view name, const smipc_channel_options& options) {
  if (options.framing > SMIPC_MESSAGE) return out_of_range(name, "no framing:", options.framing);
  if (options.wait > SMIPC_WAIT_BLOCK) return out_of_range(name, "no wait policy:", options.wait);
  if (options.lifetime > SMIPC_LIFETIME_KERNEL) {
    return out_of_range(name, "no lifetime:", options.lifetime);
  }
  if (options.access > SMIPC_ACCESS_ALL) return out_of_range(name, "no access:", options.access);
  if (options.reserved != 0) return out_of_range(name, "reserved must be 0, is", options.reserved);
  return SMIPC_OK;
}

// Callers of older versions have shorter structures; newer ones get defaults in the rest.
Status read_options(std::string_view name, const smipc_channel_options* given,
                    smipc_channel_options* out) {
  smipc_channel_options_init(out);
  if (given == nullptr) return SMIPC_OK;
  if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096) {
    return out_of_range(
        name, "options.struct_size is not set by smipc_channel_options_init:", given->struct_size);
  }
  std::memcpy(out, given, std::min<std::size_t>(given->struct_size, sizeof *out));
  out->struct_size = sizeof *out;
  return check_options(name, *out);
}

}  // namespace

extern "C" {

SMIPC_API void smipc_channel_options_init(smipc_channel_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof *options;
  options->framing = SMIPC_STREAM;
  options->wait = SMIPC_WAIT_HYBRID;
  options->lifetime = SMIPC_LIFETIME_PROCESS;
  options->access = SMIPC_ACCESS_USER;
}

SMIPC_API smipc_status smipc_channel_open(const void* name, size_t name_size, uint32_t mode,
                                          uint64_t capacity_bytes,
                                          const smipc_channel_options* options,
                                          smipc_channel** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    Status status = check_name(name, name_size);
    if (status != SMIPC_OK) return status;
    const std::string_view text(static_cast<const char*>(name), name_size);
    if (mode > SMIPC_WRITER) return out_of_range(text, "no mode:", mode);
    if (capacity_bytes == 0 || capacity_bytes > SMIPC_MAX_CAPACITY) {
      return out_of_range(text, "a capacity must be 1 to 2^40 bytes, not", capacity_bytes);
    }
    smipc_channel_options complete;
    status = read_options(text, options, &complete);
    if (status != SMIPC_OK) return status;
    std::unique_ptr<Channel> channel;
    status = channel_open(text, mode, capacity_bytes, complete, &channel);
    if (status != SMIPC_OK) return status;
    if (logs_transfers()) channel->allowed.store(0, std::memory_order_relaxed);  // no fast path
    log_line(*channel, "opened");
    *out = static_cast<smipc_channel*>(channel.release());
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_channel_close(smipc_channel* channel) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    const bool was_open = channel->state.load(std::memory_order_acquire) == EndState::kUsable;
    const Status status = channel_close(*channel);
    if (was_open) log_line(*channel, "closed");
    return status;
  });
}

SMIPC_API void smipc_channel_free(smipc_channel* channel) {
  if (channel == nullptr) return;
  // A handle from before fork shares locks of unknown state with threads that are gone: leaked.
  if (channel->state.load(std::memory_order_acquire) == EndState::kForked) return;
  smipc_channel_close(channel);
  SlotTable<smipc_channel>::release(*channel);
  plat_segment_free(channel->segment);
  delete channel;
}

SMIPC_API smipc_status smipc_channel_unlink(const void* name, size_t name_size) {
  return guarded([&]() -> Status {
    const Status status = check_name(name, name_size);
    if (status != SMIPC_OK) return status;
    return channel_unlink({static_cast<const char*>(name), name_size});
  });
}

SMIPC_API smipc_status smipc_channel_get_status(smipc_channel* channel, smipc_channel_status* out) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (out == nullptr) return bad_pointer(*channel, "out");
    if (out->struct_size < sizeof out->struct_size || out->struct_size > 4096) {
      return fail(SMIPC_E_INVALID, channel->name,
                  "out->struct_size is " + std::to_string(out->struct_size));
    }
    return channel_status(*channel, out);
  });
}

SMIPC_API smipc_status smipc_channel_status_text(smipc_channel* channel, char* buffer,
                                                 size_t buffer_size, size_t* out_size) {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    const std::string text = channel_status_text(*channel);
    if (out_size != nullptr) *out_size = text.size();
    if (buffer == nullptr || buffer_size <= text.size()) {
      return fail(SMIPC_E_BUFFER_TOO_SMALL, channel->name,
                  "the status needs " + std::to_string(text.size() + 1) + " bytes");
    }
    std::memcpy(buffer, text.c_str(), text.size() + 1);
    return SMIPC_OK;
  });
}

}  // extern "C"
