// The exported functions of circular buffers.
#include "core/circular_buffer.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "api/guard.h"
#include "core/fork_count.h"

using namespace smipc::detail;

namespace {

Status no_buffer() { return fail(SMIPC_E_INVALID, {}, "the circular buffer's handle is NULL"); }

Status refused(std::string_view name, Status status, const std::string& text = {}) {
  return fail_object(status, kCircularBufferNoun, name, text);
}

// Runs `call` on an open handle of this process, alone.
template <class Call>
Status with_buffer(smipc_circular_buffer* buffer, Call call) noexcept {
  return guarded([&]() -> Status {
    if (buffer == nullptr) return no_buffer();
    if (buffer->forks != fork_count()) return refused(buffer->name, SMIPC_E_FORKED);
    const std::lock_guard<CallLock> guard(buffer->lock);
    if (!buffer->open) return refused(buffer->name, SMIPC_E_CLOSED);
    return call();
  });
}

Status check_buffer_name(const void* name, size_t size) {
  if (name == nullptr) return fail(SMIPC_E_INVALID, {}, "the circular buffer's name is NULL");
  const std::string_view text(static_cast<const char*>(name), size);
  if (size == 0 || size > SMIPC_MAX_NAME || text.find('\0') != text.npos) {
    return fail(SMIPC_E_INVALID, {},
                "a circular buffer's name is 1 to 200 bytes without NUL, this one has " +
                    std::to_string(size));
  }
  return SMIPC_OK;
}

Status read_options(std::string_view name, const smipc_circular_buffer_options* given,
                    smipc_circular_buffer_options* out) {
  smipc_circular_buffer_options_init(out);
  if (given == nullptr) return SMIPC_OK;
  if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096) {
    return refused(name, SMIPC_E_INVALID,
                   "options->struct_size is not set by smipc_circular_buffer_options_init: " +
                       std::to_string(given->struct_size));
  }
  std::memcpy(out, given, std::min<std::size_t>(given->struct_size, sizeof *out));
  out->struct_size = sizeof *out;
  if (out->access > SMIPC_ACCESS_ALL) {
    return refused(name, SMIPC_E_INVALID, "access is " + std::to_string(out->access));
  }
  if (out->item_size > SMIPC_MAX_ITEM) {
    return refused(name, SMIPC_E_INVALID,
                   "item_size must be 1 to " + std::to_string(SMIPC_MAX_ITEM) + ", not " +
                       std::to_string(out->item_size));
  }
  const std::uint64_t item_size = out->item_size == 0 ? 1 : out->item_size;
  if (out->length == 1 || out->length > SMIPC_MAX_CAPACITY / item_size) {
    return refused(name, SMIPC_E_INVALID,
                   "length must be 2 to " + std::to_string(SMIPC_MAX_CAPACITY / item_size) +
                       ", not " + std::to_string(out->length));
  }
  return SMIPC_OK;
}

}  // namespace

extern "C" {

SMIPC_API void smipc_circular_buffer_options_init(smipc_circular_buffer_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof *options;
  options->access = SMIPC_ACCESS_USER;
}

SMIPC_API smipc_status smipc_circular_buffer_open(const void* name, size_t name_size, int32_t mode,
                                                  const smipc_circular_buffer_options* options,
                                                  smipc_circular_buffer** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    Status status = check_buffer_name(name, name_size);
    if (status != SMIPC_OK) return status;
    const std::string_view text(static_cast<const char*>(name), name_size);
    if (mode != SMIPC_WRITER && mode != SMIPC_READER) {
      return refused(text, SMIPC_E_INVALID, "mode is " + std::to_string(mode));
    }
    smipc_circular_buffer_options complete;
    status = read_options(text, options, &complete);
    if (status != SMIPC_OK) return status;
    status = circular_buffer_open(text, mode == SMIPC_WRITER, complete, out);
    if (status == SMIPC_OK) (*out)->listed.enlist<smipc_circular_buffer_close>(*out);
    return status;
  });
}

SMIPC_API smipc_status smipc_circular_buffer_push(smipc_circular_buffer* buffer, const void* items,
                                                  size_t size) {
  return with_buffer(buffer, [&]() -> Status {
    if (!buffer->writes) return refused(buffer->name, SMIPC_E_WRONG_END, "readers cannot push");
    if (items == nullptr && size > 0)
      return refused(buffer->name, SMIPC_E_INVALID, "items is NULL");
    const bool one = size == buffer->item_size;  // saves the division
    if (!one && size % buffer->item_size != 0) {
      return refused(buffer->name, SMIPC_E_INVALID,
                     std::to_string(size) + " bytes are no whole number of items of " +
                         std::to_string(buffer->item_size));
    }
    circular_buffer_push(*buffer, static_cast<const std::byte*>(items),
                         one ? 1 : size / buffer->item_size);
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_circular_buffer_pop(smipc_circular_buffer* buffer, void* out,
                                                 size_t size, uint64_t* out_count) {
  return with_buffer(buffer, [&]() -> Status {
    if (buffer->writes) return refused(buffer->name, SMIPC_E_WRONG_END, "the writer cannot pop");
    if (out == nullptr || out_count == nullptr) {
      return refused(buffer->name, SMIPC_E_INVALID, "out or out_count is NULL");
    }
    *out_count = 0;
    if (size < buffer->item_size) {
      return refused(buffer->name, SMIPC_E_BUFFER_TOO_SMALL,
                     "an item has " + std::to_string(buffer->item_size) + " bytes, and out " +
                         std::to_string(size));
    }
    const bool one = size == buffer->item_size;
    return circular_buffer_pop(*buffer, static_cast<std::byte*>(out),
                               one ? 1 : size / buffer->item_size, out_count);
  });
}

SMIPC_API smipc_status smipc_circular_buffer_push_int(smipc_circular_buffer* buffer,
                                                      uint64_t item) {
  return with_buffer(buffer, [&]() -> Status {
    if (!buffer->writes) return refused(buffer->name, SMIPC_E_WRONG_END, "readers cannot push");
    return circular_buffer_push_int(*buffer, item);
  });
}

SMIPC_API int64_t smipc_circular_buffer_pop_int(smipc_circular_buffer* buffer) {
  std::uint64_t item = 0;
  const Status status = with_buffer(buffer, [&]() -> Status {
    if (buffer->writes) return refused(buffer->name, SMIPC_E_WRONG_END, "the writer cannot pop");
    std::uint64_t count = 0;
    const Status popped = circular_buffer_pop_int(*buffer, &item, &count);
    if (popped != SMIPC_OK || count > 0) return popped;
    return fail_object_quietly(SMIPC_E_NOT_FOUND, kCircularBufferNoun, buffer->name);
  });
  return status == SMIPC_OK ? static_cast<int64_t>(item) : status;
}

SMIPC_API smipc_status smipc_circular_buffer_get_status(smipc_circular_buffer* buffer,
                                                        smipc_circular_buffer_status* out) {
  return with_buffer(buffer, [&]() -> Status {
    if (out == nullptr) return refused(buffer->name, SMIPC_E_INVALID, "out is NULL");
    if (out->struct_size < sizeof out->struct_size || out->struct_size > 4096) {
      return refused(buffer->name, SMIPC_E_INVALID,
                     "out->struct_size is " + std::to_string(out->struct_size));
    }
    return circular_buffer_status(*buffer, out);
  });
}

SMIPC_API smipc_status smipc_circular_buffer_close(smipc_circular_buffer* buffer) {
  return guarded([&]() -> Status {
    if (buffer == nullptr) return no_buffer();
    if (buffer->forks != fork_count()) return refused(buffer->name, SMIPC_E_FORKED);
    const std::lock_guard<CallLock> guard(buffer->lock);
    return circular_buffer_close(*buffer);
  });
}

SMIPC_API void smipc_circular_buffer_free(smipc_circular_buffer* buffer) {
  // A parent's handle is leaked: its lock may be in any state, and its segment is not mapped here.
  if (buffer == nullptr || buffer->forks != fork_count()) return;
  buffer->listed.remove();
  smipc_circular_buffer_close(buffer);
  plat_segment_free(buffer->segment);
  delete buffer;
}

SMIPC_API smipc_status smipc_circular_buffer_unlink(const void* name, size_t name_size) {
  return guarded([&]() -> Status {
    const Status status = check_buffer_name(name, name_size);
    if (status != SMIPC_OK) return status;
    return circular_buffer_unlink({static_cast<const char*>(name), name_size});
  });
}

}  // extern "C"
