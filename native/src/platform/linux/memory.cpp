// Named shared memory on Linux: what shm_open opens, which is /dev/shm/name.
//
// A new object is made without a name (O_TMPFILE), gets its memory, and is then linked to its name in
// one step: a creator that dies before leaves nothing, and nobody ever sees an object without its size.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "platform/linux/owner_record.h"
#include "platform/named_objects.h"
#include "platform/posix/shm_allocate.h"
#include "platform/posix/shm_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatMemory {
  std::string name;
  FileDescriptor file;
  FileIdentity identity;
  void* data = nullptr;
  std::uint64_t size = 0;
  OwnerRecord record;
};

namespace {

constexpr int kAttempts = 10'000;  // of racing with those who unlink and create the same name

std::string file_path(const std::string& name) { return shm_directory() + "/" + name; }

PlatResult failure(const char* call, const std::string& name, int error) {
  switch (error) {
    case ENOENT:
      return {SMIPC_E_NOT_FOUND, "it does not exist"};
    case EEXIST:
      return {SMIPC_E_EXISTS, "it exists already"};
    case EACCES:
    case EPERM: {
      struct stat info = {};
      const std::string path = file_path(name);
      if (::lstat(path.c_str(), &info) != 0) return {SMIPC_E_PERMISSION, ""};
      return {SMIPC_E_PERMISSION, path + " belongs to user " + std::to_string(info.st_uid) +
                                      ", this process runs as user " + std::to_string(::geteuid())};
    }
    case ENOSPC:
      return {SMIPC_E_NO_SPACE, shm_directory() + " takes no more files"};
    default:
      return os_failure(call, error);
  }
}

mode_t mode_of(std::uint32_t access) {
  if (access == SMIPC_ACCESS_ALL) return 0666;
  return access == SMIPC_ACCESS_GROUP ? 0660 : 0600;
}

// A file that has no name, or where the kernel has no such thing, one that nobody looks for.
struct NewFile {
  FileDescriptor file;
  std::string path;  // "": it has none

  NewFile() = default;
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (!path.empty()) ::unlink(path.c_str());
  }

  PlatResult make(const PlatMemoryRequest& request) {
    file = FileDescriptor(::open(shm_directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file || ::access(proc_path().c_str(), F_OK) != 0) {
      path = shm_removed_path(plat_random_u64());
      file = FileDescriptor(
          ::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600));
      if (!file) {
        const int error = errno;
        path.clear();
        return failure("open", request.name.name, error);
      }
    }
    // fchmod and not open's mode, which the umask would cut.
    if (::fchmod(file.get(), mode_of(request.name.access)) != 0) {
      return os_failure("fchmod", errno);
    }
    return shm_allocate(file.get(), request.size_bytes);
  }

  // 0, or errno.
  int link_to(const std::string& name) const {
    const std::string from = path.empty() ? proc_path() : path;
    const int result = ::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, file_path(name).c_str(),
                                path.empty() ? AT_SYMLINK_FOLLOW : 0);
    return result == 0 ? 0 : errno;
  }

 private:
  std::string proc_path() const { return "/proc/self/fd/" + std::to_string(file.get()); }
};

PlatResult adopt(PlatMemory* memory, FileDescriptor file) {
  struct stat info = {};
  if (::fstat(file.get(), &info) != 0) return os_failure("fstat", errno);
  if (!S_ISREG(info.st_mode)) {
    return {SMIPC_E_CORRUPT, file_path(memory->name) + " is no shared memory"};
  }
  memory->identity = {info.st_dev, info.st_ino};
  memory->size = static_cast<std::uint64_t>(info.st_size);
  memory->file = std::move(file);
  return {};
}

PlatResult open_existing(const PlatMemoryRequest& request, PlatMemory* memory) {
  const std::string slashed = "/" + request.name.name;
  // O_NONBLOCK: a pipe planted under the name must not stop us.
  const int flags = (request.read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK;
  FileDescriptor file(::shm_open(slashed.c_str(), flags, 0));
  if (!file) return failure("shm_open", request.name.name, errno);
  PlatResult result = adopt(memory, std::move(file));
  if (result && memory->size == 0 && request.size_bytes > 0) {
    // Its creator has not come to that, or never will. Nobody can have mapped any of it.
    result = shm_allocate(memory->file.get(), request.size_bytes);
    if (result) memory->size = request.size_bytes;
  }
  if (result && memory->size < request.size_bytes) {
    return {SMIPC_E_INVALID, "it has " + std::to_string(memory->size) + " bytes, not the " +
                                 std::to_string(request.size_bytes) + " asked for"};
  }
  return result;
}

PlatResult create_new(const PlatMemoryRequest& request, PlatMemory* memory) {
  const std::string& name = request.name.name;
  FileIdentity existing;
  if (request.name.existence == SMIPC_RAISE_IF_EXISTS && shm_identify(file_path(name), &existing)) {
    return failure("shm_open", name, EEXIST);  // before anything is allocated
  }
  NewFile made;
  PlatResult result = made.make(request);
  if (!result) return result;
  for (int i = 0; i < kAttempts; ++i) {
    if (request.name.existence == SMIPC_UNLINK_AND_CREATE) {
      result = plat_memory_unlink(name);
      if (!result && result.status != SMIPC_E_NOT_FOUND) return result;
    }
    const int error = made.link_to(name);
    if (error == 0) return adopt(memory, std::move(made.file));
    if (error != EEXIST || request.name.existence != SMIPC_UNLINK_AND_CREATE) {
      return failure("link", name, error);
    }
  }
  return {SMIPC_E_EXISTS, "others create it all the time"};
}

PlatResult open_or_create(const PlatMemoryRequest& request, PlatMemory* memory, bool* created) {
  const std::uint32_t existence = request.name.existence;
  if (existence == SMIPC_RAISE_IF_NOT_EXISTS) return open_existing(request, memory);
  PlatResult result;
  for (int i = 0; i < kAttempts; ++i) {
    if (existence == SMIPC_LINK_OR_CREATE) {
      result = open_existing(request, memory);
      if (result.status != SMIPC_E_NOT_FOUND || request.read_only) return result;
      if (request.size_bytes == 0) {
        return {SMIPC_E_INVALID,
                "it does not exist, and new memory needs a size of at least 1 byte, not 0"};
      }
    }
    result = create_new(request, memory);
    *created = result.status == SMIPC_OK;
    if (result.status != SMIPC_E_EXISTS || existence != SMIPC_LINK_OR_CREATE) break;
  }
  return result;
}

PlatResult map(PlatMemory* memory, bool read_only) {
  if (memory->size == 0) return {};
  const int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  void* data = ::mmap(nullptr, static_cast<std::size_t>(memory->size), protection, MAP_SHARED,
                      memory->file.get(), 0);
  if (data == MAP_FAILED) {
    if (errno == ENOMEM) return {SMIPC_E_NO_MEMORY, "no address space for it"};
    return os_failure("mmap", errno);
  }
  memory->data = data;
  return {};
}

}  // namespace

PlatResult plat_memory_open(const PlatMemoryRequest& request, PlatMemory** out, bool* created) {
  *created = false;
  auto* memory = new (std::nothrow) PlatMemory;
  if (memory == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  memory->name = request.name.name;
  PlatResult result = open_or_create(request, memory, created);
  if (result) {
    result = map(memory, request.read_only);
    if (!result && *created) plat_memory_unlink_own(memory);
  }
  if (!result) {
    delete memory;
    return result;
  }
  *out = memory;
  return {};
}

void* plat_memory_data(PlatMemory* memory) { return memory->data; }

std::uint64_t plat_memory_size(PlatMemory* memory) { return memory->size; }

std::int32_t plat_memory_fd(PlatMemory* memory) { return memory->file.get(); }

bool plat_memory_closed(PlatMemory* memory) { return !memory->file; }

void plat_memory_close(PlatMemory* memory) { memory->file = FileDescriptor(); }

void plat_memory_free(PlatMemory* memory) {
  if (memory->data != nullptr) ::munmap(memory->data, static_cast<std::size_t>(memory->size));
  delete memory;
}

void plat_memory_own(PlatMemory* memory) { memory->record.begin(memory->name, memory->identity); }

PlatResult plat_memory_unlink_own(PlatMemory* memory) {
  FileIdentity now;
  if (!shm_identify(file_path(memory->name), &now) || now != memory->identity) {
    memory->record.end();
    return {SMIPC_E_NOT_FOUND, "the name is gone, or another memory's by now"};
  }
  PlatResult result = plat_memory_unlink(memory->name);
  if (result) memory->record.end();
  return result;
}

PlatResult plat_memory_unlink(const std::string& name) {
  if (::shm_unlink(("/" + name).c_str()) == 0) return {};
  return failure("shm_unlink", name, errno);
}

}  // namespace smipc::detail
