// The exported functions of named shared memory. All there is to it is the OS's object and the rule
// who unlinks it, so there is nothing of it in core.
#include <memory>
#include <mutex>

#include "api/guard.h"
#include "core/named_object.h"
#include "core/open_handles.h"

using namespace smipc::detail;

struct smipc_memory {
  std::string name;
  UnlinkRule rule;
  PlatMemory* platform;
  std::mutex mutex;  // of closing, against asking for the descriptor
  OpenHandle listed;
};

namespace {

constexpr char kNoun[] = "shared memory";

Status no_memory_handle() { return fail(SMIPC_E_INVALID, {}, "the memory's handle is NULL"); }

Status invalid(const std::string& name, const std::string& text) {
  return fail_object(SMIPC_E_INVALID, kNoun, "/" + name, text);
}

Status check_request(const PlatMemoryRequest& request, std::uint32_t read_only) {
  const std::string& name = request.name.name;
  const std::uint32_t existence = request.name.existence;
  if (read_only > 1) return invalid(name, "read_only is " + std::to_string(read_only));
  if (request.size_bytes > SMIPC_MAX_MEMORY) {
    return invalid(name, "a size of " + std::to_string(request.size_bytes) +
                             " bytes; the most is " + std::to_string(SMIPC_MAX_MEMORY));
  }
  const bool creates = existence == SMIPC_RAISE_IF_EXISTS || existence == SMIPC_UNLINK_AND_CREATE;
  if (request.read_only && request.size_bytes > 0) {
    return invalid(name, "read-only memory takes the size it has: a size of " +
                             std::to_string(request.size_bytes) + " makes no sense");
  }
  if (request.read_only && creates) return invalid(name, "new memory cannot be read-only");
  if (request.size_bytes == 0 && creates) {
    return invalid(name, "new memory needs a size of at least 1 byte, not 0");
  }
  return SMIPC_OK;
}

Status open_memory(PlatMemoryRequest request, std::uint32_t read_only, std::uint32_t unlink,
                   int32_t* out_created, smipc_memory** out) {
  Status status = check_request(request, read_only);
  if (status != SMIPC_OK) return status;
  PlatMemory* platform = nullptr;
  bool created = false;
  const PlatResult result = plat_memory_open(request, &platform, &created);
  if (!result) return object_status(kNoun, request.name.name, result);
  if (out_created != nullptr) *out_created = created ? 1 : 0;
  const UnlinkRule rule(unlink, created);
  if (rule.unlinks()) plat_memory_own(platform);
  *out = new smipc_memory{request.name.name, rule, platform, {}, {}};
  (*out)->listed.enlist<smipc_memory_close>(*out);
  return SMIPC_OK;
}

}  // namespace

extern "C" {

SMIPC_API smipc_status smipc_memory_open(const void* name, size_t name_size, uint64_t size_bytes,
                                         uint32_t read_only, const smipc_object_options* options,
                                         int32_t* out_created, smipc_memory** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    std::string text;
    smipc_object_options complete;
    Status status = read_object_name(kNoun, name, name_size, &text);
    if (status == SMIPC_OK) status = read_object_options(kNoun, text, options, &complete);
    if (status != SMIPC_OK) return status;
    return open_memory({{text, complete.existence, complete.access}, size_bytes, read_only == 1},
                       read_only, complete.unlink, out_created, out);
  });
}

SMIPC_API smipc_status smipc_memory_data(smipc_memory* memory, void** out_data,
                                         uint64_t* out_size) {
  return guarded([&]() -> Status {
    if (memory == nullptr) return no_memory_handle();
    if (out_data == nullptr || out_size == nullptr) {
      return invalid(memory->name, "out_data or out_size is NULL");
    }
    *out_data = plat_memory_data(memory->platform);
    *out_size = plat_memory_size(memory->platform);
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_memory_fd(smipc_memory* memory, int32_t* out_fd) {
  return guarded([&]() -> Status {
    if (memory == nullptr) return no_memory_handle();
    if (out_fd == nullptr) return invalid(memory->name, "out_fd is NULL");
    const std::lock_guard<std::mutex> guard(memory->mutex);
    if (plat_memory_closed(memory->platform)) {
      return fail_object(SMIPC_E_CLOSED, kNoun, "/" + memory->name, "it is closed");
    }
    const std::int32_t fd = plat_memory_fd(memory->platform);
    if (fd < 0) {
      return fail_object(SMIPC_E_UNSUPPORTED, kNoun, "/" + memory->name,
                         "this platform has no descriptor for it");
    }
    *out_fd = fd;
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_memory_close(smipc_memory* memory) {
  return guarded([&]() -> Status {
    if (memory == nullptr) return no_memory_handle();
    const std::lock_guard<std::mutex> guard(memory->mutex);
    plat_memory_close(memory->platform);
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_memory_unlink_own(smipc_memory* memory) {
  return guarded([&]() -> Status {
    if (memory == nullptr) return no_memory_handle();
    return object_status(kNoun, memory->name, plat_memory_unlink_own(memory->platform));
  });
}

SMIPC_API void smipc_memory_free(smipc_memory* memory) {
  if (memory == nullptr) return;
  memory->listed.remove();
  smipc_memory_close(memory);
  if (memory->rule.unlinks()) plat_memory_unlink_own(memory->platform);
  plat_memory_free(memory->platform);
  delete memory;
}

SMIPC_API smipc_status smipc_memory_unlink(const void* name, size_t name_size) {
  return guarded([&]() -> Status {
    std::string text;
    const Status status = read_object_name(kNoun, name, name_size, &text);
    if (status != SMIPC_OK) return status;
    return object_status(kNoun, text, plat_memory_unlink(text));
  });
}

}  // extern "C"
