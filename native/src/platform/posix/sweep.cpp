// Finding and removing what killed processes left in the directory of segments.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vector>

#include "platform/posix/file_lock.h"
#include "platform/posix/fork_guard.h"
#include "platform/posix/shm_file.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool anybody_holds(int fd) { return file_lock_is_held(fd, kFirstRoleLockByte, kCrowdRoles); }

std::vector<std::string> candidates(std::uint32_t kind) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(shm_directory().c_str());
  if (directory == nullptr) return names;
  while (const dirent* entry = ::readdir(directory)) {
    std::string name = entry->d_name;
    if (starts_with(name, shm_prefix(kind)) || starts_with(name, kRemovedPrefix)) {
      names.push_back(std::move(name));
    }
  }
  ::closedir(directory);
  return names;
}

// Under the setup lock of the file, so that nobody is just opening it.
bool remove_if_unused(const std::string& name, std::size_t head_bytes,
                      bool (*removable)(std::byte*, std::size_t)) {
  const ForkGuard guard;
  const std::string path = shm_directory() + "/" + name;
  FileDescriptor file;
  FileIdentity identity;
  FileIdentity now;
  if (!shm_open_existing(path, SMIPC_ACCESS_USER, &file, &identity)) return false;
  if (file_lock_try(file.get(), kSetupLockByte) != LockOutcome::kTaken) return false;
  if (!shm_identify(path, &now) || now != identity || anybody_holds(file.get())) return false;
  if (!starts_with(name, kRemovedPrefix)) {
    std::vector<std::byte> head(head_bytes);
    const ssize_t size = ::pread(file.get(), head.data(), head.size(), 0);
    if (size < 0) return false;
    const auto bytes = static_cast<std::size_t>(size);
    const std::vector<std::byte> before = head;
    if (!removable(head.data(), bytes)) return false;
    if (head != before && ::pwrite(file.get(), head.data(), bytes, 0) != size) return false;
  }
  return ::unlink(path.c_str()) == 0;
}

}  // namespace

PlatResult plat_segments_sweep(std::uint32_t kind, std::size_t head_bytes,
                               bool (*removable)(std::byte* head, std::size_t size),
                               std::size_t* out_removed) {
  *out_removed = 0;
  for (const std::string& name : candidates(kind)) {
    if (remove_if_unused(name, head_bytes, removable)) ++*out_removed;
  }
  return {};
}

}  // namespace smipc::detail
