// See structure.h.
#include "core/structure.h"

#include <cstdio>
#include <cstring>

#include "smipc.h"

namespace smipc::detail {
namespace {

Status fail_structure(Status status, const StructurePlan& plan, std::string_view detail) {
  return fail_object(status, kStructureNoun, plan.path, detail);
}

Status check_code(const StructurePlan& plan, const void* data) {
  StructureHead head;
  std::memcpy(&head, data, sizeof head);
  if (plan.code == 0 || head.code == plan.code) return SMIPC_OK;
  char text[96];
  std::snprintf(text, sizeof text, "it holds another structure: its code is 0x%04x, not 0x%04x",
                static_cast<unsigned>(head.code), static_cast<unsigned>(plan.code));
  return fail_structure(SMIPC_E_INVALID, plan, text);
}

// Maps what is at the path, and makes it the current one.
Status map_current(Structure& structure, std::uint32_t generation) {
  PlatMappedFile* file = nullptr;
  void* data = nullptr;
  const PlatResult result = plat_mapped_file_open(structure.plan.path, structure.plan.bytes,
                                                  structure.plan.read_only, &file, &data);
  if (!result) return fail_structure(result.status, structure.plan, result.detail);
  MappedFile mapped(file);
  const Status status = check_code(structure.plan, data);
  if (status != SMIPC_OK) return status;
  structure.mappings.push_back(std::move(mapped));
  structure.data = data;
  structure.generation = generation;
  return SMIPC_OK;
}

// With the lock held. Who died with it may have done so between the replacement of the file and saying
// so. Somebody who says so and has not done it gets nothing mapped: what is mapped stays until the
// handle is freed, and would use up this process's mappings.
Status follow_replacement(Structure& structure, std::uint32_t cut_off_pid, void** data) {
  const std::lock_guard<std::mutex> guard(structure.mutex);
  // Relaxed: the lock of the OS orders the page.
  const std::uint32_t now = structure.lock.page->generation.load(std::memory_order_relaxed);
  Status status = SMIPC_OK;
  if (now != structure.generation || cut_off_pid != 0) {
    if (plat_mapped_file_is_current(structure.mappings.back().get(), structure.plan.path)) {
      structure.generation = now;
    } else {
      status = map_current(structure, now);
    }
  }
  if (status == SMIPC_OK) structure.cut_off_pid = cut_off_pid;
  *data = structure.data;
  return status;
}

Status write_file(const StructurePlan& plan, bool force, RwLock& lock) {
  const StructureHead head = {plan.code, 0};
  const PlatResult result =
      plat_file_create({plan.path, plan.bytes, &head, sizeof head, plan.access, force});
  if (!result) return fail_structure(result.status, plan, result.detail);
  // Relaxed: the lock of the OS orders the page.
  lock.page->generation.store(lock.page->generation.load(std::memory_order_relaxed) + 1,
                              std::memory_order_relaxed);
  return SMIPC_OK;
}

}  // namespace

Status structure_create(const StructurePlan& plan, bool force, const Deadline& deadline) {
  RwLock lock;
  std::uint32_t cut_off_pid = 0;
  Status status = rw_lock_open(plan.lock_path, plan.access, &lock);
  if (status == SMIPC_OK) status = rw_lock_acquire(lock, true, deadline, &cut_off_pid);
  if (status == SMIPC_OK) {
    status = write_file(plan, force, lock);
    // A file that was not made leaves what was there as it was, the mark of its last editor too.
    if (status != SMIPC_OK) lock.restored_mark = cut_off_pid;
  }
  rw_lock_free(lock);
  return status;
}

Status structure_open(const StructurePlan& plan, Structure* structure) {
  structure->plan = plan;
  Status status = rw_lock_open(plan.lock_path, plan.access, &structure->lock);
  if (status != SMIPC_OK) return status;
  // Before the file: one that is replaced in between is mapped again with the first lock.
  const std::uint32_t generation = structure->lock.page->generation.load(std::memory_order_acquire);
  status = map_current(*structure, generation);
  if (status != SMIPC_OK) rw_lock_free(structure->lock);
  return status;
}

Status structure_lock(Structure& structure, bool exclusive, const Deadline& deadline,
                      std::uint32_t* cut_off_pid, void** data, Manners manners) {
  if (exclusive && structure.plan.read_only) {
    return fail_structure(SMIPC_E_INVALID, structure.plan,
                          "it is open for reading, and cannot be locked exclusively");
  }
  Status status = rw_lock_acquire(structure.lock, exclusive, deadline, cut_off_pid, manners);
  if (status != SMIPC_OK) return status;
  status = follow_replacement(structure, *cut_off_pid, data);
  if (status != SMIPC_OK) {
    rw_lock_release(structure.lock, *cut_off_pid);
  }
  return status;
}

Status structure_data(Structure& structure, void** data) {
  {
    const std::lock_guard<std::mutex> guard(structure.lock.mutex);
    if (structure.lock.closed)
      return fail_structure(SMIPC_E_CLOSED, structure.plan, "it is closed");
  }
  const std::lock_guard<std::mutex> guard(structure.mutex);
  *data = structure.data;
  return SMIPC_OK;
}

}  // namespace smipc::detail
