// Finding and removing what killed processes left. Segments without a file leave nothing, so this
// is about files: those that a creator did not complete, and removed ones that were in use.
#include <vector>

#include "platform/windows/role.h"
#include "platform/windows/setup.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

std::vector<std::string> candidates(Scope scope, std::uint32_t kind) {
  std::vector<std::string> names;
  const std::wstring folder = files_folder(scope);
  if (folder.empty()) return names;
  WIN32_FIND_DATAW entry;
  const HANDLE search = ::FindFirstFileW((folder + L"\\smipc.*").c_str(), &entry);
  if (search == INVALID_HANDLE_VALUE) return names;
  do {
    std::string name = utf8(entry.cFileName);
    if (starts_with(name, stem_prefix(kind)) || starts_with(name, kRemovedPrefix)) {
      names.push_back(std::move(name));
    }
  } while (::FindNextFileW(search, &entry));
  ::FindClose(search);
  return names;
}

bool anybody_holds(Scope scope, const std::string& stem, std::uint64_t id) {
  for (std::uint32_t role = 0; role < kCrowdRoles; ++role) {
    if (role_exists(role_name(scope, stem, id, role))) return true;
  }
  return false;
}

bool may_go(Scope scope, const std::string& stem, std::size_t head_bytes,
            bool (*removable)(std::byte*, std::size_t)) {
  Handle file;
  if (!segment_file_open(file_path(scope, stem), &file)) return false;
  if (anybody_holds(scope, stem, segment_file_id(file.get()))) return false;
  std::vector<std::byte> head(head_bytes);
  DWORD size = 0;
  if (!::ReadFile(file.get(), head.data(), static_cast<DWORD>(head.size()), &size, nullptr)) {
    return false;
  }
  return removable(head.data(), size);
}

// Inside the setup section of the name, so that nobody is just opening it.
bool remove_if_unused(Scope scope, const std::string& stem, std::size_t head_bytes,
                      bool (*removable)(std::byte*, std::size_t)) {
  SetupLock lock;
  if (!lock.enter(scope, stem, plat_now_ns())) return false;
  std::wstring removed;
  if (!may_go(scope, stem, head_bytes, removable)) return false;
  if (!segment_file_move_away(scope, stem, plat_random_u64(), &removed)) return false;
  segment_file_delete(removed);
  return true;
}

}  // namespace

PlatResult plat_segments_sweep(std::uint32_t kind, std::size_t head_bytes,
                               bool (*removable)(std::byte* head, std::size_t size),
                               std::size_t* out_removed) {
  *out_removed = 0;
  for (const Scope scope : {Scope::kSession, Scope::kMachine}) {
    for (const std::string& name : candidates(scope, kind)) {
      const bool removed = starts_with(name, kRemovedPrefix)
                               ? segment_file_delete(file_path(scope, name))
                               : remove_if_unused(scope, name, head_bytes, removable);
      if (removed) ++*out_removed;
    }
  }
  return {};
}

}  // namespace smipc::detail
