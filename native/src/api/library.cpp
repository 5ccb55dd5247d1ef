// The exported functions that are about no channel in particular.
#include "api/guard.h"
#include "api/log.h"
#include "core/circular_buffer.h"
#include "core/open_handles.h"
#include "core/queue.h"
#include "platform/named_objects.h"

using namespace smipc::detail;

#ifndef SMIPC_VERSION_STRING
#error "the build passes the version of the project"
#endif

extern "C" {

SMIPC_API uint32_t smipc_abi_version(void) { return SMIPC_ABI_VERSION; }

SMIPC_API const char* smipc_version(void) { return SMIPC_VERSION_STRING; }

SMIPC_API smipc_status smipc_init(int32_t log_level) {
  return guarded([&]() -> Status {
    if (log_level < SMIPC_LOG_DISABLE || log_level > SMIPC_LOG_ALL) {
      return fail(SMIPC_E_INVALID, {},
                  "log level " + std::to_string(log_level) + "; it is 0, 1 or 2");
    }
    set_log_level(log_level);
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_clean(void) {
  return guarded([] {
    const Status status = registry_close_all();
    open_handles_close();
    return status;
  });
}

SMIPC_API smipc_status smipc_interrupt_bind(uint64_t event, uint32_t thread_id) {
  return guarded([&] {
    const PlatResult result = plat_interrupt_bind(event, thread_id);
    return result ? SMIPC_OK : fail(result.status, {}, result.detail);
  });
}

SMIPC_API const char* smipc_status_name(smipc_status status) { return status_name(status); }

SMIPC_API const char* smipc_status_message(smipc_status status) { return status_message(status); }

SMIPC_API const char* smipc_last_error(void) { return last_error(); }

SMIPC_API smipc_status smipc_clean_stale(size_t* out_removed) {
  return guarded([&] {
    std::size_t removed = 0;
    std::size_t buffers = 0;
    std::size_t queues = 0;
    std::size_t objects = 0;
    Status status = clean_stale(&removed);
    if (status == SMIPC_OK) status = circular_buffers_clean_stale(&buffers);
    if (status == SMIPC_OK) status = queues_clean_stale(&queues);
    const PlatResult swept = plat_objects_sweep(&objects);
    if (out_removed != nullptr) *out_removed = removed + buffers + queues + objects;
    return status == SMIPC_OK && !swept ? fail(swept.status, {}, swept.detail) : status;
  });
}

}  // extern "C"
