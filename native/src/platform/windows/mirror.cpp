// See mirror.h.
//
// Since Windows 10 1803 an address range can be reserved as a placeholder, split, and each part be
// replaced by a mapping, with no moment at which the range is free. Older systems, and some that
// have the functions and fail them, get the old way: reserve, free, and map at the addresses that
// were free just now, again elsewhere if another thread was faster.
#include "platform/windows/mirror.h"

#include "smipc.h"

// Older headers do not have them.
#ifndef MEM_RESERVE_PLACEHOLDER
#define MEM_RESERVE_PLACEHOLDER 0x00040000
#endif
#ifndef MEM_REPLACE_PLACEHOLDER
#define MEM_REPLACE_PLACEHOLDER 0x00004000
#endif
#ifndef MEM_PRESERVE_PLACEHOLDER
#define MEM_PRESERVE_PLACEHOLDER 0x00000002
#endif

namespace smipc::detail {
namespace {

constexpr int kAttempts = 64;

using VirtualAlloc2Function = void*(WINAPI*)(HANDLE, void*, SIZE_T, ULONG, ULONG, void*, ULONG);
using MapViewOfFile3Function = void*(WINAPI*)(HANDLE, HANDLE, void*, ULONG64, SIZE_T, ULONG, ULONG,
                                              void*, ULONG);

struct PlaceholderFunctions {
  VirtualAlloc2Function allocate = nullptr;
  MapViewOfFile3Function map = nullptr;
  bool exist() const { return allocate != nullptr && map != nullptr; }
};

template <class Function>
Function function_of(HMODULE module, const char* name) {
  // Through void*, which every compiler takes for a function of another type.
  return reinterpret_cast<Function>(reinterpret_cast<void*>(::GetProcAddress(module, name)));
}

const PlaceholderFunctions& placeholder_functions() {
  static const PlaceholderFunctions functions = [] {
    PlaceholderFunctions found;
    const HMODULE module = ::GetModuleHandleW(L"kernelbase.dll");
    if (module == nullptr) return found;
    found.allocate = function_of<VirtualAlloc2Function>(module, "VirtualAlloc2");
    found.map = function_of<MapViewOfFile3Function>(module, "MapViewOfFile3");
    return found;
  }();
  return functions;
}

struct Request {
  HANDLE section;
  std::uint64_t ring_offset;
  std::uint64_t ring_bytes;
  SIZE_T once() const { return static_cast<SIZE_T>(ring_offset + ring_bytes); }
  SIZE_T twice() const { return static_cast<SIZE_T>(ring_offset + 2 * ring_bytes); }
};

// False: not this way, and nothing has changed.
bool map_placeholders(const Request& request, Mirror* out) {
  const PlaceholderFunctions& functions = placeholder_functions();
  if (!functions.exist()) return false;
  auto* base = static_cast<std::byte*>(functions.allocate(nullptr, nullptr, request.twice(),
                                                          MEM_RESERVE | MEM_RESERVE_PLACEHOLDER,
                                                          PAGE_NOACCESS, nullptr, 0));
  if (base == nullptr) return false;
  std::byte* middle = base + request.once();
  if (!::VirtualFree(base, request.once(), MEM_RELEASE | MEM_PRESERVE_PLACEHOLDER)) {
    ::VirtualFree(base, 0, MEM_RELEASE);
    return false;
  }
  const auto map = [&](std::byte* where, std::uint64_t offset, SIZE_T size) {
    return functions.map(request.section, nullptr, where, offset, size, MEM_REPLACE_PLACEHOLDER,
                         PAGE_READWRITE, nullptr, 0) != nullptr;
  };
  const bool first = map(base, 0, request.once());
  const bool second =
      first && map(middle, request.ring_offset, static_cast<SIZE_T>(request.ring_bytes));
  if (second) {
    *out = {base, middle};
    return true;
  }
  first ? static_cast<void>(::UnmapViewOfFile(base))
        : static_cast<void>(::VirtualFree(base, 0, MEM_RELEASE));
  ::VirtualFree(middle, 0, MEM_RELEASE);
  return false;
}

std::byte* map_at(const Request& request, std::byte* where, std::uint64_t offset, SIZE_T size) {
  return static_cast<std::byte*>(::MapViewOfFileEx(
      request.section, FILE_MAP_READ | FILE_MAP_WRITE, static_cast<DWORD>(offset >> 32),
      static_cast<DWORD>(offset & 0xffff'ffffu), size, where));
}

// One try of the old way. false: another thread took the addresses, or there are none (*no_room).
bool map_in_gap(const Request& request, Mirror* out, bool* no_room) {
  void* gap = ::VirtualAlloc(nullptr, request.twice(), MEM_RESERVE, PAGE_NOACCESS);
  *no_room = gap == nullptr;
  if (gap == nullptr) return false;
  ::VirtualFree(gap, 0, MEM_RELEASE);
  std::byte* base = map_at(request, static_cast<std::byte*>(gap), 0, request.once());
  if (base == nullptr) return false;
  std::byte* second = map_at(request, base + request.once(), request.ring_offset,
                             static_cast<SIZE_T>(request.ring_bytes));
  if (second != nullptr) {
    *out = {base, second};
    return true;
  }
  const DWORD error = ::GetLastError();
  ::UnmapViewOfFile(base);
  ::SetLastError(error);
  return false;
}

}  // namespace

PlatResult mirror_map(HANDLE section, std::uint64_t ring_offset, std::uint64_t ring_bytes,
                      Mirror* out) {
  const Request request = {section, ring_offset, ring_bytes};
  if (ring_bytes == 0) {
    out->base = map_at(request, nullptr, 0, request.once());
    return out->base != nullptr ? PlatResult{} : os_failure("MapViewOfFileEx", ::GetLastError());
  }
  if (map_placeholders(request, out)) return {};
  bool no_room = false;
  for (int attempt = 0; attempt < kAttempts && !no_room; ++attempt) {
    if (map_in_gap(request, out, &no_room)) return {};
  }
  const DWORD error = ::GetLastError();
  if (no_room) {
    return {SMIPC_E_NO_MEMORY,
            "no address space for " + std::to_string(request.twice()) + " bytes"};
  }
  return os_failure("MapViewOfFileEx", error);
}

void mirror_unmap(const Mirror& mirror) {
  if (mirror.second != nullptr) ::UnmapViewOfFile(mirror.second);
  if (mirror.base != nullptr) ::UnmapViewOfFile(mirror.base);
}

}  // namespace smipc::detail
