// See owner_record.h.
#include "platform/linux/owner_record.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <vector>

#include "platform/named_objects.h"
#include "platform/posix/file_lock.h"
#include "platform/posix/fork_guard.h"
#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr char kPrefix[] = "smipc.owner.";
constexpr std::size_t kLongestNote = 512;

std::string note_for(const std::string& file, const FileIdentity& identity) {
  return std::to_string(identity.device) + " " + std::to_string(identity.inode) + " " + file + "\n";
}

// The file that a note names, if it is complete and names one of the directory's.
bool read_note(int fd, std::string* file, FileIdentity* identity) {
  char text[kLongestNote + 1] = {};
  const ssize_t size = ::pread(fd, text, kLongestNote, 0);
  unsigned long long device = 0;
  unsigned long long inode = 0;
  int begin = 0;
  if (size <= 0 || std::sscanf(text, "%llu %llu %n", &device, &inode, &begin) != 2) return false;
  const char* end = std::strchr(text + begin, '\n');
  if (begin <= 0 || end == nullptr) return false;
  *file = std::string(static_cast<const char*>(text + begin), end);
  *identity = {static_cast<dev_t>(device), static_cast<ino_t>(inode)};
  return !file->empty() && file->find('/') == std::string::npos;
}

// Removes the object of a dead process, and the note. Whether there was an object.
bool settle(const std::string& path) {
  const ForkGuard guard;
  FileDescriptor note;
  FileIdentity identity;
  if (!shm_open_existing(path, SMIPC_ACCESS_USER, &note, &identity)) return false;
  if (file_lock_try(note.get(), kSetupLockByte) != LockOutcome::kTaken) return false;
  std::string file;
  FileIdentity object;
  FileIdentity now;
  bool removed = false;
  if (read_note(note.get(), &file, &object)) {
    const std::string object_path = shm_directory() + "/" + file;
    removed =
        shm_identify(object_path, &now) && now == object && ::unlink(object_path.c_str()) == 0;
  }
  ::unlink(path.c_str());
  return removed;
}

}  // namespace

void OwnerRecord::begin(const std::string& file, const FileIdentity& identity) {
  const ForkGuard guard;
  char random[17];
  std::snprintf(random, sizeof random, "%016" PRIx64, plat_random_u64());
  const std::string path = shm_directory() + "/" + kPrefix + random;
  FileDescriptor note;
  FileIdentity unused;
  if (!shm_create(path, SMIPC_ACCESS_USER, &note, &unused)) return;
  const std::string text = note_for(file, identity);
  void* page = MAP_FAILED;
  // Locked before it says anything: an unlocked note with an object in it is of a dead process.
  if (file_lock_try(note.get(), kSetupLockByte) == LockOutcome::kTaken &&
      ::pwrite(note.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size())) {
    page = ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, note.get(), 0);
  }
  if (page == MAP_FAILED) {
    ::unlink(path.c_str());
    return;
  }
  ::madvise(page, 1, MADV_DONTFORK);
  path_ = path;
  page_ = page;
  pid_ = ::getpid();
}

void OwnerRecord::end() {
  if (pid_ != ::getpid()) return;  // a forked child has neither note nor mapping
  void* page = page_.exchange(nullptr);
  if (page == nullptr) return;
  ::unlink(path_.c_str());
  ::munmap(page, 1);
}

PlatResult plat_objects_sweep(std::size_t* out_removed) {
  *out_removed = 0;
  DIR* directory = ::opendir(shm_directory().c_str());
  if (directory == nullptr) return {};
  std::vector<std::string> notes;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.compare(0, sizeof kPrefix - 1, kPrefix) == 0) notes.push_back(name);
  }
  ::closedir(directory);
  for (const std::string& name : notes) {
    if (settle(shm_directory() + "/" + name)) ++*out_removed;
  }
  return {};
}

}  // namespace smipc::detail
