// The setup section on Windows: a named mutex around a record of the name, or around a file.
//
// What may be under a name, and is looked for in this order:
//   a record (name_record.h) in the logon session, in the machine's scope: a segment that lives as
//     long as somebody has it open;
//   a file in the session's folder, in the machine's folder: one that outlives its processes.
// Whoever makes a segment has looked for all of them under the locks, so there is at most one, unless
// two logon sessions make one each, which then cannot see each other.
#include "platform/windows/setup.h"

#include <cstring>
#include <new>

#include "platform/windows/role.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr int kIdAttempts = 4;

Scope scope_for(std::uint32_t access) {
  return access == SMIPC_ACCESS_USER ? Scope::kSession : Scope::kMachine;
}

PlatResult lock_machine(PlatSetup* setup) {
  if (setup->machine_lock.is_held()) return {};
  return setup->machine_lock.enter(Scope::kMachine, setup->stem, setup->deadline_ns);
}

PlatResult check_owner(HANDLE object, ObjectKind kind, std::uint32_t access) {
  if (access != SMIPC_ACCESS_USER || is_own_object(object, kind)) return {};
  return {SMIPC_E_PERMISSION, "it belongs to another user"};
}

// The segment that the record names. None, or one that has gone: no size.
PlatResult open_recorded(PlatSetup* setup) {
  setup->id = setup->record.segment_id();
  if (setup->id == 0) return {};
  const PlatResult result =
      setup->section.open(object_name(setup->scope, setup->stem, setup->id, "segment"));
  if (result.status != SMIPC_E_NOT_FOUND) return result;
  setup->id = 0;
  return {};
}

PlatResult find_record(PlatSetup* setup, Scope scope, std::uint32_t access) {
  PlatResult result = setup->record.open(scope, setup->stem);
  if (!result) return result;
  setup->scope = scope;
  result = check_owner(setup->record.handle(), ObjectKind::kKernelObject, access);
  return result ? open_recorded(setup) : result;
}

PlatResult find_file(PlatSetup* setup, Scope scope, std::uint32_t access) {
  PlatResult result = segment_file_open(file_path(scope, setup->stem), &setup->file);
  if (!result) return result;
  setup->scope = scope;
  result = check_owner(setup->file.get(), ObjectKind::kFile, access);
  if (!result) return result;
  setup->id = segment_file_id(setup->file.get());
  LARGE_INTEGER size = {};
  if (!::GetFileSizeEx(setup->file.get(), &size) || size.QuadPart == 0) return {};
  return setup->section.open_file(setup->file.get(), 0);
}

// SMIPC_E_NOT_FOUND: nothing in the scope.
PlatResult find_in(PlatSetup* setup, Scope scope, std::uint32_t access) {
  const PlatResult result = find_record(setup, scope, access);
  // A record without a segment is what an unlinked segment leaves: its ends keep it.
  const bool in_use = result && setup->id != 0;
  if (in_use || (!result && result.status != SMIPC_E_NOT_FOUND)) return result;
  setup->record.close();
  return find_file(setup, scope, access);
}

// Whether it is worth entering the machine's lock for a private channel.
bool may_be_in_machine(const PlatSetup& setup) {
  NameRecord record;
  if (record.open(Scope::kMachine, setup.stem).status != SMIPC_E_NOT_FOUND) return true;
  const std::wstring path = file_path(Scope::kMachine, setup.stem);
  return !path.empty() && ::GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES;
}

PlatResult find(PlatSetup* setup, std::uint32_t access) {
  PlatResult result = setup->session_lock.enter(Scope::kSession, setup->stem, setup->deadline_ns);
  if (result) result = find_in(setup, Scope::kSession, access);
  if (result.status != SMIPC_E_NOT_FOUND) return result;
  if (scope_for(access) == Scope::kSession && !may_be_in_machine(*setup)) return result;
  const PlatResult locked = lock_machine(setup);
  return locked ? find_in(setup, Scope::kMachine, access) : locked;
}

PlatResult allocate_section(PlatSetup* setup, std::uint32_t access, std::uint64_t bytes) {
  PlatResult result = setup->record.is_open()
                          ? PlatResult{}
                          : setup->record.open_or_create(setup->scope, setup->stem, access);
  if (!result) return result;
  for (int attempt = 0; attempt < kIdAttempts; ++attempt) {
    const std::uint64_t id = plat_random_u64();
    result =
        setup->section.create(object_name(setup->scope, setup->stem, id, "segment"), access, bytes);
    if (result) {
      setup->id = id;
      setup->record.set_segment_id(id);
    }
    if (result.status != SMIPC_E_EXISTS) return result;
  }
  return {SMIPC_E_OS, "no free name for a section"};
}

// Lets go of what is under the name, and takes the name from it.
PlatResult forget(PlatSetup* setup, std::uint64_t nonce) {
  if (setup->file) {
    const PlatResult result =
        segment_file_move_away(setup->scope, setup->stem, nonce, &setup->removed_path);
    if (!result) return result;
  }
  if (setup->record.is_open()) setup->record.set_segment_id(0);
  return {};
}

PlatResult allocate_file(PlatSetup* setup, std::uint32_t access, std::uint64_t bytes) {
  PlatResult result = segment_file_create(setup->scope, setup->stem, access, bytes, &setup->file);
  if (!result) return result;
  setup->id = segment_file_id(setup->file.get());
  result = setup->section.open_file(setup->file.get(), bytes);
  if (!result) forget(setup, plat_random_u64());
  return result;
}

}  // namespace

PlatResult plat_setup_enter(const PlatSegmentName& name, bool create, std::uint32_t access,
                            std::int64_t timeout_ns, PlatSetup** out) {
  PlatSetup* setup = new (std::nothrow) PlatSetup;
  if (setup == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  setup->stem = name_stem(name);
  setup->access = access;
  setup->deadline_ns = plat_now_ns() + timeout_ns;
  PlatResult result = find(setup, access);
  if (result.status == SMIPC_E_NOT_FOUND && create) {
    setup->scope = scope_for(access);
    result = {};
  }
  if (!result) {
    delete setup;
    return result;
  }
  *out = setup;
  return {};
}

std::uint64_t plat_setup_size(const PlatSetup* setup) { return setup->section.bytes(); }

bool plat_setup_read(const PlatSetup* setup, void* out, std::size_t size) {
  if (setup->section.bytes() < size || setup->section.data() == nullptr) return false;
  std::memcpy(out, setup->section.data(), size);
  return true;
}

bool plat_setup_role_held(const PlatSetup* setup, std::uint32_t role, std::uint32_t pid,
                          std::uint64_t start_time) {
  if (setup->id == 0) return false;
  if (process_state({pid, start_time}) == ProcessState::kEnded) return false;
  return role_exists(role_name(setup->scope, setup->stem, setup->id, role));
}

bool plat_setup_any_role_held(const PlatSetup* setup) {
  for (std::uint32_t role = 0; setup->id != 0 && role < kCrowdRoles; ++role) {
    if (role_exists(role_name(setup->scope, setup->stem, setup->id, role))) return true;
  }
  return false;
}

PlatResult plat_setup_renew(PlatSetup* setup, std::uint32_t access) {
  const PlatResult result = forget(setup, plat_random_u64());
  if (!result) return result;
  setup->section.close();
  setup->file.reset();
  setup->id = 0;
  segment_file_delete(setup->removed_path);
  if (setup->scope != scope_for(access)) setup->record.close();
  setup->scope = scope_for(access);
  setup->access = access;
  return setup->scope == Scope::kMachine ? lock_machine(setup) : PlatResult{};
}

PlatResult plat_setup_allocate(PlatSetup* setup, std::uint64_t bytes, std::uint32_t lifetime) {
  if (setup->file) {  // empty: its creator died before it had a size
    const PlatResult result = plat_setup_renew(setup, setup->access);
    if (!result) return result;
  }
  return lifetime == SMIPC_LIFETIME_KERNEL ? allocate_file(setup, setup->access, bytes)
                                           : allocate_section(setup, setup->access, bytes);
}

PlatResult plat_setup_remove(PlatSetup* setup, bool, std::uint64_t nonce) {
  return forget(setup, nonce);
}

void plat_setup_leave(PlatSetup* setup) {
  setup->section.close();
  setup->record.close();
  setup->file.reset();
  segment_file_delete(
      setup->removed_path);  // later, by whoever has it mapped, if that is too early
  delete setup;              // leaves the locks
}

}  // namespace smipc::detail
