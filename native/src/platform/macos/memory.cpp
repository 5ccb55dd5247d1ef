// Named shared memory on macOS: shm_open. An object gets its size after its name there, once, and in
// whole pages; so whoever finds one without a size waits a little for its creator, and then gives it one.
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "platform/macos/object_name.h"
#include "platform/named_objects.h"
#include "platform/posix/shm_file.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatMemory {
  std::string name;  // the system's
  FileDescriptor file;
  FileIdentity identity;
  void* data = nullptr;
  std::uint64_t size = 0;
};

namespace {

constexpr int kAttempts = 10'000;
constexpr int kLooks = 200;  // of a millisecond, for the creator to give a size
constexpr std::int64_t kLookNs = 1'000'000;

PlatResult look(PlatMemory* memory) {
  struct stat info = {};
  if (::fstat(memory->file.get(), &info) != 0) return os_failure("fstat", errno);
  memory->identity = {info.st_dev, info.st_ino};
  memory->size = static_cast<std::uint64_t>(info.st_size);
  return {};
}

PlatResult give_size(PlatMemory* memory, std::uint64_t bytes) {
  if (::ftruncate(memory->file.get(), static_cast<off_t>(bytes)) == 0) return look(memory);
  if (errno == EINVAL) return look(memory);  // somebody else has just done so
  return {SMIPC_E_NO_SPACE, "it needs " + std::to_string(bytes) + " bytes of shared memory"};
}

PlatResult open_existing(const PlatMemoryRequest& request, PlatMemory* memory) {
  memory->file =
      FileDescriptor(::shm_open(memory->name.c_str(), request.read_only ? O_RDONLY : O_RDWR, 0));
  if (!memory->file) return object_failure("shm_open", errno);
  PlatResult result = look(memory);
  for (int i = 0; i < kLooks && result && memory->size == 0 && request.size_bytes > 0; ++i) {
    plat_pause(kLookNs);
    result = look(memory);
  }
  if (result && memory->size == 0 && request.size_bytes > 0) {
    result = give_size(memory, request.size_bytes);
  }
  if (result && memory->size < request.size_bytes) {
    return {SMIPC_E_INVALID, "it has " + std::to_string(memory->size) + " bytes, not the " +
                                 std::to_string(request.size_bytes) + " asked for"};
  }
  return result;
}

PlatResult create_new(const PlatMemoryRequest& request, PlatMemory* memory) {
  memory->file = FileDescriptor(::shm_open(memory->name.c_str(), O_RDWR | O_CREAT | O_EXCL,
                                           object_mode(request.name.access)));
  if (!memory->file) return object_failure("shm_open", errno);
  PlatResult result = give_size(memory, request.size_bytes);
  if (!result) ::shm_unlink(memory->name.c_str());
  return result;
}

PlatResult open_or_create(const PlatMemoryRequest& request, PlatMemory* memory, bool* created) {
  const std::uint32_t existence = request.name.existence;
  PlatResult result;
  for (int i = 0; i < kAttempts; ++i) {
    if (existence == SMIPC_RAISE_IF_NOT_EXISTS || existence == SMIPC_LINK_OR_CREATE) {
      result = open_existing(request, memory);
      if (result.status != SMIPC_E_NOT_FOUND || existence == SMIPC_RAISE_IF_NOT_EXISTS ||
          request.read_only) {
        return result;
      }
      if (request.size_bytes == 0) {
        return {SMIPC_E_INVALID,
                "it does not exist, and new memory needs a size of at least 1 byte, not 0"};
      }
    } else if (existence == SMIPC_UNLINK_AND_CREATE) {
      ::shm_unlink(memory->name.c_str());
    }
    result = create_new(request, memory);
    *created = result.status == SMIPC_OK;
    if (result.status != SMIPC_E_EXISTS || existence == SMIPC_RAISE_IF_EXISTS) break;
  }
  return result;
}

PlatResult map(PlatMemory* memory, bool read_only) {
  if (memory->size == 0) return {};
  const int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
  void* data = ::mmap(nullptr, static_cast<std::size_t>(memory->size), protection, MAP_SHARED,
                      memory->file.get(), 0);
  if (data == MAP_FAILED) return os_failure("mmap", errno);
  memory->data = data;
  return {};
}

}  // namespace

PlatResult plat_memory_open(const PlatMemoryRequest& request, PlatMemory** out, bool* created) {
  *created = false;
  auto* memory = new (std::nothrow) PlatMemory;
  if (memory == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  memory->name = system_object_name(request.name.name);
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

// There is no file to note it in that goes with the object.
void plat_memory_own(PlatMemory*) {}

PlatResult plat_memory_unlink_own(PlatMemory* memory) {
  const FileDescriptor now(::shm_open(memory->name.c_str(), O_RDONLY, 0));
  struct stat info = {};
  if (!now || ::fstat(now.get(), &info) != 0 ||
      FileIdentity{info.st_dev, info.st_ino} != memory->identity) {
    return {SMIPC_E_NOT_FOUND, "the name is gone, or another memory's by now"};
  }
  return ::shm_unlink(memory->name.c_str()) == 0 ? PlatResult{}
                                                 : object_failure("shm_unlink", errno);
}

PlatResult plat_memory_unlink(const std::string& name) {
  return ::shm_unlink(system_object_name(name).c_str()) == 0 ? PlatResult{}
                                                             : object_failure("shm_unlink", errno);
}

}  // namespace smipc::detail
