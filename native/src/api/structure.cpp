// The exported functions of locked structures.
#include "core/structure.h"

#include <algorithm>
#include <cstring>

#include "api/guard.h"
#include "api/path.h"

using namespace smipc::detail;

namespace {

Status no_structure() { return fail(SMIPC_E_INVALID, {}, "the structure's handle is NULL"); }

Status invalid(const StructurePlan& plan, const char* what, std::uint64_t value) {
  return fail_object(SMIPC_E_INVALID, kStructureNoun, plan.path, what + std::to_string(value));
}

Status read_plan(const void* path, std::size_t path_size, std::uint64_t size_bytes,
                 const smipc_structure_options* given, StructurePlan* plan) {
  Status status = read_path(kStructureNoun, path, path_size, &plan->path);
  if (status != SMIPC_OK) return status;
  if (size_bytes < SMIPC_MIN_STRUCTURE || size_bytes > SMIPC_MAX_STRUCTURE) {
    return invalid(*plan, "a structure has 16 to 2^40 bytes, not ", size_bytes);
  }
  smipc_structure_options options;
  smipc_structure_options_init(&options);
  if (given != nullptr) {
    if (given->struct_size < sizeof given->struct_size || given->struct_size > 4096) {
      return invalid(*plan, "options.struct_size is not set by smipc_structure_options_init: ",
                     given->struct_size);
    }
    std::memcpy(&options, given, std::min<std::size_t>(given->struct_size, sizeof options));
  }
  if (options.access > SMIPC_ACCESS_ALL) return invalid(*plan, "no access: ", options.access);
  if (options.read_only > 1) return invalid(*plan, "read_only is ", options.read_only);
  if (options.code > 0xffff) return invalid(*plan, "a code is below 65536, not ", options.code);
  plan->lock_path = plan->path + ".lock";
  if (options.lock_path != nullptr) {
    status = read_path(kLockNoun, options.lock_path,
                       static_cast<std::size_t>(options.lock_path_size), &plan->lock_path);
  }
  plan->bytes = size_bytes;
  plan->access = options.access;
  plan->code = static_cast<std::uint16_t>(options.code);
  plan->read_only = options.read_only == 1;
  return status;
}

}  // namespace

extern "C" {

SMIPC_API void smipc_structure_options_init(smipc_structure_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof *options;
  options->access = SMIPC_ACCESS_USER;
}

SMIPC_API smipc_status smipc_structure_create(const void* path, size_t path_size,
                                              uint64_t size_bytes, uint32_t force,
                                              int64_t timeout_ns,
                                              const smipc_structure_options* options) {
  return guarded([&]() -> Status {
    StructurePlan plan;
    Status status = read_plan(path, path_size, size_bytes, options, &plan);
    if (status != SMIPC_OK) return status;
    if (force > 1) return invalid(plan, "force is ", force);
    status = check_locking(kStructureNoun, plan.path, SMIPC_EXCLUSIVE, timeout_ns);
    if (status != SMIPC_OK) return status;
    return structure_create(plan, force == 1, Deadline(timeout_ns));
  });
}

SMIPC_API smipc_status smipc_structure_open(const void* path, size_t path_size, uint64_t size_bytes,
                                            const smipc_structure_options* options,
                                            smipc_structure** out) {
  return guarded([&]() -> Status {
    if (out == nullptr) return fail(SMIPC_E_INVALID, {}, "out is NULL");
    *out = nullptr;
    StructurePlan plan;
    Status status = read_plan(path, path_size, size_bytes, options, &plan);
    if (status != SMIPC_OK) return status;
    auto structure = std::make_unique<smipc_structure>();
    status = structure_open(plan, structure.get());
    if (status != SMIPC_OK) return status;
    *out = structure.release();
    (*out)->listed.enlist<smipc_structure_close>(*out);
    return status;
  });
}

SMIPC_API smipc_status smipc_structure_lock(smipc_structure* structure, uint32_t mode,
                                            int64_t timeout_ns, uint32_t* out_cut_off_pid,
                                            void** out_data) {
  return guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    const Status status = check_locking(kStructureNoun, structure->plan.path, mode, timeout_ns);
    if (status != SMIPC_OK) return status;
    std::uint32_t pid = 0;
    void* data = nullptr;
    return structure_lock(*structure, mode == SMIPC_EXCLUSIVE, Deadline(timeout_ns),
                          out_cut_off_pid != nullptr ? out_cut_off_pid : &pid,
                          out_data != nullptr ? out_data : &data);
  });
}

SMIPC_API smipc_status smipc_structure_unlock(smipc_structure* structure) {
  return guarded([&]() -> Status {
    return structure == nullptr ? no_structure() : rw_lock_release(structure->lock);
  });
}

SMIPC_API smipc_status smipc_structure_back_out(smipc_structure* structure) {
  return guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    std::uint32_t pid = 0;
    {
      const std::lock_guard<std::mutex> guard(structure->mutex);
      pid = structure->cut_off_pid;
    }
    return rw_lock_release(structure->lock, pid);
  });
}

SMIPC_API int32_t smipc_structure_enter(smipc_structure* structure, uint32_t mode,
                                        const void* known_data) {
  std::uint32_t pid = 0;
  void* data = nullptr;
  const Status status = guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    const Status wrong = check_locking(kStructureNoun, structure->plan.path, mode, 0);
    if (wrong != SMIPC_OK) return wrong;
    return structure_lock(*structure, mode == SMIPC_EXCLUSIVE, Deadline(0), &pid, &data,
                          Manners::kStandBack);
  });
  if (status != SMIPC_OK) return status;
  return pid != 0 || data != known_data ? 1 : 0;
}

SMIPC_API smipc_status smipc_structure_cut_off(smipc_structure* structure, uint32_t* out_pid) {
  return guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    if (out_pid == nullptr) {
      return fail_object(SMIPC_E_INVALID, kStructureNoun, structure->plan.path, "out_pid is NULL");
    }
    const std::lock_guard<std::mutex> guard(structure->mutex);
    *out_pid = structure->cut_off_pid;
    return SMIPC_OK;
  });
}

SMIPC_API smipc_status smipc_structure_data(smipc_structure* structure, void** out_data) {
  return guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    if (out_data == nullptr) {
      return fail_object(SMIPC_E_INVALID, kStructureNoun, structure->plan.path, "out_data is NULL");
    }
    return structure_data(*structure, out_data);
  });
}

SMIPC_API smipc_status smipc_structure_close(smipc_structure* structure) {
  return guarded([&]() -> Status {
    if (structure == nullptr) return no_structure();
    rw_lock_close(structure->lock);
    return SMIPC_OK;
  });
}

SMIPC_API void smipc_structure_free(smipc_structure* structure) {
  if (structure == nullptr) return;
  structure->listed.remove();
  rw_lock_free(structure->lock);
  delete structure;
}

}  // extern "C"
