// Named shared memory on Windows: a section backed by the paging file, "Local\name". Its memory is
// committed at creation, in whole pages, and the kernel never shows one without its size.
#include <new>

#include "platform/windows/object_access.h"
#include "platform/windows/security.h"
#include "smipc.h"

namespace smipc::detail {

struct PlatMemory {
  Handle section;
  std::wstring name;
  void* data = nullptr;
  std::uint64_t size = 0;
};

namespace {

PlatResult no_space(std::uint64_t needed) {
  MEMORYSTATUSEX status = {};
  status.dwLength = sizeof status;
  ::GlobalMemoryStatusEx(&status);
  return {SMIPC_E_NO_SPACE, "it needs " + std::to_string(needed) +
                                " bytes, and memory and paging file have " +
                                std::to_string(status.ullAvailPageFile) + " bytes free of " +
                                std::to_string(status.ullTotalPageFile) +
                                "; ask for less, or enlarge the paging file"};
}

PlatResult open_existing(const PlatMemoryRequest& request, PlatMemory* memory) {
  const DWORD rights = request.read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
  memory->section = Handle(::OpenFileMappingW(rights, FALSE, memory->name.c_str()));
  if (memory->section) return {};
  return object_failure("OpenFileMappingW", ::GetLastError());
}

PlatResult create(const PlatMemoryRequest& request, PlatMemory* memory, bool* created) {
  Security security(request.name.access);
  if (!security.ok()) return os_failure("building a security descriptor", ::GetLastError());
  const auto high = static_cast<DWORD>(request.size_bytes >> 32);
  const auto low = static_cast<DWORD>(request.size_bytes);
  memory->section =
      Handle(::CreateFileMappingW(INVALID_HANDLE_VALUE, security.attributes(),
                                  PAGE_READWRITE | SEC_COMMIT, high, low, memory->name.c_str()));
  const DWORD error = ::GetLastError();
  if (!memory->section) {
    const bool full = error == ERROR_COMMITMENT_LIMIT || error == ERROR_NOT_ENOUGH_MEMORY ||
                      error == ERROR_DISK_FULL || error == ERROR_NO_SYSTEM_RESOURCES ||
                      error == ERROR_INVALID_PARAMETER;  // more than the kernel can even count
    return full ? no_space(request.size_bytes) : object_failure("CreateFileMappingW", error);
  }
  *created = error != ERROR_ALREADY_EXISTS;
  return check_existence(request.name.existence, *created);
}

PlatResult open_or_create(const PlatMemoryRequest& request, PlatMemory* memory, bool* created) {
  if (request.name.existence == SMIPC_RAISE_IF_NOT_EXISTS) return open_existing(request, memory);
  if (request.size_bytes > 0) return create(request, memory, created);
  // SMIPC_LINK_OR_CREATE without a size
  PlatResult result = open_existing(request, memory);
  if (result.status != SMIPC_E_NOT_FOUND || request.read_only) return result;
  return {SMIPC_E_INVALID,
          "it does not exist, and new memory needs a size of at least 1 byte, not 0"};
}

PlatResult map(const PlatMemoryRequest& request, PlatMemory* memory) {
  const DWORD rights = request.read_only ? FILE_MAP_READ : FILE_MAP_READ | FILE_MAP_WRITE;
  memory->data = ::MapViewOfFile(memory->section.get(), rights, 0, 0, 0);
  if (memory->data == nullptr) return os_failure("MapViewOfFile", ::GetLastError());
  MEMORY_BASIC_INFORMATION info = {};
  if (::VirtualQuery(memory->data, &info, sizeof info) == 0) {
    return os_failure("VirtualQuery", ::GetLastError());
  }
  memory->size = info.RegionSize;
  if (memory->size < request.size_bytes) {
    return {SMIPC_E_INVALID, "it has " + std::to_string(memory->size) + " bytes, not the " +
                                 std::to_string(request.size_bytes) + " asked for"};
  }
  return {};
}

}  // namespace

PlatResult plat_memory_open(const PlatMemoryRequest& request, PlatMemory** out, bool* created) {
  *created = false;
  auto* memory = new (std::nothrow) PlatMemory;
  if (memory == nullptr) return {SMIPC_E_NO_MEMORY, ""};
  memory->name = object_name("", request.name.name);
  PlatResult result = open_or_create(request, memory, created);
  if (result) result = map(request, memory);
  if (!result) {
    plat_memory_free(memory);
    return result;
  }
  *out = memory;
  return {};
}

void* plat_memory_data(PlatMemory* memory) { return memory->data; }

std::uint64_t plat_memory_size(PlatMemory* memory) { return memory->size; }

std::int32_t plat_memory_fd(PlatMemory*) { return -1; }

bool plat_memory_closed(PlatMemory* memory) { return !memory->section; }

// The view keeps the memory until plat_memory_free; the name goes with the last handle.
void plat_memory_close(PlatMemory* memory) { memory->section.reset(); }

void plat_memory_free(PlatMemory* memory) {
  if (memory->data != nullptr) ::UnmapViewOfFile(memory->data);
  delete memory;
}

// It goes with its last handle.
void plat_memory_own(PlatMemory*) {}

PlatResult plat_memory_unlink_own(PlatMemory* memory) {
  const Handle found(::OpenFileMappingW(FILE_MAP_READ, FALSE, memory->name.c_str()));
  return found ? PlatResult{} : object_failure("OpenFileMappingW", ::GetLastError());
}

PlatResult plat_memory_unlink(const std::string& name) {
  const Handle found(::OpenFileMappingW(FILE_MAP_READ, FALSE, object_name("", name).c_str()));
  return found ? PlatResult{} : object_failure("OpenFileMappingW", ::GetLastError());
}

}  // namespace smipc::detail
