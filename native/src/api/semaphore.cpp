// The exported functions of semaphores, and what opening any named object takes.
#include "core/semaphore.h"

#include <memory>

#include "api/guard.h"

using namespace smipc::detail;

namespace {

Status no_semaphore() { return fail(SMIPC_E_INVALID, {}, "the semaphore's handle is NULL"); }

Status invalid(const std::string& name, const std::string& text) {
  return fail_object(SMIPC_E_INVALID, kSemaphoreNoun, "/" + name, text);
}

Status open_semaphore(const void* name, size_t name_size, uint32_t initial_value,
                      const smipc_object_options* options, int32_t* out_created,
                      smipc_semaphore** out) {
  std::string text;
  smipc_object_options complete;
  Status status = read_object_name(kSemaphoreNoun, name, name_size, &text);
  if (status == SMIPC_OK) status = read_object_options(kSemaphoreNoun, text, options, &complete);
  if (status != SMIPC_OK) return status;
  if (initial_value > SMIPC_MAX_SEMAPHORE) {
    return invalid(text, "the initial value must be 0 to " + std::to_string(SMIPC_MAX_SEMAPHORE) +
                             ", not " + std::to_string(initial_value));
  }
  PlatSemaphore* platform = nullptr;
  bool created = false;
  const PlatResult result = plat_semaphore_open({text, complete.existence, complete.access},
                                                initial_value, &platform, &created);
  if (!result) return object_status(kSemaphoreNoun, text, result);
  auto semaphore = std::make_unique<smipc_semaphore>(text, UnlinkRule(complete.unlink, created));
  semaphore->platform = platform;
  if (semaphore->rule.unlinks()) plat_semaphore_own(platform);
  if (out_created != nullptr) *out_created = created ? 1 : 0;
  *out = semaphore.release();
  (*out)->listed.enlist<smipc_semaphore_close>(*out);
  return SMIPC_OK;
}

}  // namespace

extern "C" {

SMIPC_API void smipc_object_options_init(smipc_object_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof *options;
  options->existence = SMIPC_RAISE_IF_NOT_EXISTS;
  options->unlink = SMIPC_UNLINK_IF_CREATED;
  options->access = SMIPC_ACCESS_USER;
}

SMIPC_API smipc_status smipc_semaphore_open(const void* name, size_t name_size,
                                            uint32_t initial_value,
                                            const smipc_object_options* options,
                                            int32_t* out_created, smipc_semaphore** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    return open_semaphore(name, name_size, initial_value, options, out_created, out);
  });
}

SMIPC_API smipc_status smipc_semaphore_acquire(smipc_semaphore* semaphore, int64_t timeout_ns) {
  return guarded([&]() -> Status {
    if (semaphore == nullptr) return no_semaphore();
    if (timeout_ns < kForever) {
      return invalid(semaphore->name,
                     "a timeout of " + std::to_string(timeout_ns) + " ns; -1 waits for ever");
    }
    return semaphore_acquire(*semaphore, timeout_ns);
  });
}

SMIPC_API smipc_status smipc_semaphore_release(smipc_semaphore* semaphore, uint32_t count) {
  return guarded([&]() -> Status {
    if (semaphore == nullptr) return no_semaphore();
    if (count == 0 || count > SMIPC_MAX_SEMAPHORE) {
      return invalid(semaphore->name, "releasing " + std::to_string(count) + "; it must be 1 to " +
                                          std::to_string(SMIPC_MAX_SEMAPHORE));
    }
    return semaphore_release(*semaphore, count);
  });
}

SMIPC_API smipc_status smipc_semaphore_value(smipc_semaphore* semaphore, uint32_t* out) {
  return guarded([&]() -> Status {
    if (semaphore == nullptr) return no_semaphore();
    if (out == nullptr) return invalid(semaphore->name, "out is NULL");
    if (!semaphore->gate.enter()) return semaphore_closed(*semaphore);
    const PlatResult result = plat_semaphore_value(semaphore->platform, out);
    semaphore->gate.leave();
    return object_status(kSemaphoreNoun, semaphore->name, result);
  });
}

SMIPC_API smipc_status smipc_semaphore_close(smipc_semaphore* semaphore) {
  return guarded([&]() -> Status {
    if (semaphore == nullptr) return no_semaphore();
    return semaphore_close(*semaphore);
  });
}

SMIPC_API smipc_status smipc_semaphore_unlink_own(smipc_semaphore* semaphore) {
  return guarded([&]() -> Status {
    if (semaphore == nullptr) return no_semaphore();
    return object_status(kSemaphoreNoun, semaphore->name,
                         plat_semaphore_unlink_own(semaphore->platform));
  });
}

SMIPC_API void smipc_semaphore_free(smipc_semaphore* semaphore) {
  if (semaphore == nullptr) return;
  semaphore->listed.remove();
  smipc_semaphore_close(semaphore);
  if (semaphore->rule.unlinks()) plat_semaphore_unlink_own(semaphore->platform);
  plat_semaphore_free(semaphore->platform);
  delete semaphore;
}

SMIPC_API smipc_status smipc_semaphore_unlink(const void* name, size_t name_size) {
  return guarded([&]() -> Status {
    std::string text;
    const Status status = read_object_name(kSemaphoreNoun, name, name_size, &text);
    if (status != SMIPC_OK) return status;
    return object_status(kSemaphoreNoun, text, plat_semaphore_unlink(text));
  });
}

}  // extern "C"
