// Mapped segments on Windows, and how a role is held: see role.h.
//
// What keeps a segment in being is handles, of its section and of its name's record, and not
// its mappings: when the last end has released, both names are free although a handle that was
// not freed yet still has the memory.
#include "platform/windows/segment.h"

#include <new>

#include "platform/windows/role.h"
#include "platform/windows/security.h"
#include "platform/windows/setup.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

PlatResult hold_objects(const PlatSetup& setup, PlatSegment* segment) {
  segment->section = setup.section.duplicate();
  if (setup.record.is_open()) segment->record = setup.record.duplicate();
  if (!segment->section || (setup.record.is_open() && !segment->record)) {
    return os_failure("DuplicateHandle", ::GetLastError());
  }
  return {};
}

PlatResult open_wake_events(const PlatSetup& setup, PlatSegment* segment) {
  // Whoever may wake can do no more than that, so in the machine's scope everybody may.
  Security security(setup.scope == Scope::kSession ? SMIPC_ACCESS_USER : SMIPC_ACCESS_ALL);
  if (!security.ok()) return {SMIPC_E_OS, "cannot make a security descriptor"};
  const std::uint32_t count = segment->ring_bytes == 0 ? kCrowdWakes : kRoleCount;
  for (std::uint32_t point = 0; point < count; ++point) {
    const std::wstring name =
        object_name(setup.scope, setup.stem, setup.id, ("wake" + std::to_string(point)).c_str());
    const PlatResult result =
        segment->wake_events[point].create(name.c_str(), security.attributes());
    if (!result) return result;
  }
  return {};
}

PlatResult build(const PlatSetup& setup, std::uint32_t role, PlatSegment* segment) {
  segment->scope = setup.scope;
  segment->stem = setup.stem;
  segment->id = setup.id;
  PlatResult result;
  if (role != kNoRole) {
    result =
        role_take(setup.scope, role_name(setup.scope, setup.stem, setup.id, role), &segment->role);
  }
  if (result) result = hold_objects(setup, segment);
  if (result) result = open_wake_events(setup, segment);
  if (!result) return result;
  return mirror_map(segment->section.get(), segment->ring_offset, segment->ring_bytes,
                    &segment->mirror);
}

// From now on writes stay in this process: the opposite end may go on using the ring.
void detach(void* view, std::uint64_t bytes) {
  DWORD before = 0;
  ::VirtualProtect(view, static_cast<SIZE_T>(bytes), PAGE_WRITECOPY, &before);
}

}  // namespace

std::uint64_t plat_ring_granularity() { return kMappingGranularity; }

PlatResult plat_segment_map(PlatSetup* setup, std::uint32_t role, std::uint64_t ring_offset,
                            std::uint64_t ring_bytes, std::uint64_t nonce, PlatSegment** out,
                            PlatMapping* mapping) {
  PlatSegment* segment = new (std::nothrow) PlatSegment;
  if (segment == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  segment->ring_offset = ring_offset;
  segment->ring_bytes = ring_bytes;
  if (setup->file) segment->removed_path = file_path(setup->scope, removed_file_name(nonce));
  const PlatResult result = build(*setup, role, segment);
  if (!result) {
    delete segment;
    return result;
  }
  mapping->header = segment->mirror.base;
  mapping->ring = segment->mirror.base + ring_offset;
  *out = segment;
  return {};
}

bool plat_segment_role_held(PlatSegment* segment, std::uint32_t role, std::uint32_t pid,
                            std::uint64_t start_time) {
  if (segment->opposite.open({pid, start_time})->has_ended()) return false;
  return role_exists(role_name(segment->scope, segment->stem, segment->id, role));
}

void plat_segment_release(PlatSegment* segment) {
  segment->role.reset();
  segment->section.reset();
  segment->record.reset();
  detach(segment->mirror.base, segment->ring_offset + segment->ring_bytes);
  if (segment->mirror.second != nullptr) detach(segment->mirror.second, segment->ring_bytes);
}

void plat_segment_free(PlatSegment* segment) {
  if (segment == nullptr) return;
  mirror_unmap(segment->mirror);
  segment_file_delete(segment->removed_path);
  delete segment;
}

}  // namespace smipc::detail
