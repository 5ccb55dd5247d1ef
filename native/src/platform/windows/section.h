// A section object (shared memory) and its first bytes, as the setup section looks at it.
#pragma once

#include "platform/windows/names.h"
#include "platform/windows/windows_api.h"

namespace smipc::detail {

// What sections are opened with: to map, and to ask whose they are.
inline constexpr DWORD kSectionRights = READ_CONTROL | FILE_MAP_READ | FILE_MAP_WRITE;

class Section {
 public:
  Section() = default;
  ~Section() { close(); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  // Opens an existing one. SMIPC_E_NOT_FOUND, _PERMISSION, _NOT_SMIPC, _OS.
  PlatResult open(const std::wstring& name);
  // Makes a new one, zeroed, its memory committed. SMIPC_E_NO_SPACE, _PERMISSION, _EXISTS, _OS.
  PlatResult create(const std::wstring& name, std::uint32_t access, std::uint64_t bytes);
  // Of a file, all of it. `bytes` 0: as large as the file is.
  PlatResult open_file(HANDLE file, std::uint64_t bytes);
  void close();

  HANDLE handle() const { return handle_.get(); }
  Handle duplicate() const { return handle_.duplicate(); }
  std::uint64_t bytes() const { return bytes_; }
  std::byte* data() const { return view_; }

 private:
  // Maps it all, which costs addresses and no memory, and learns its size.
  PlatResult look();

  Handle handle_;
  std::byte* view_ = nullptr;
  std::uint64_t bytes_ = 0;
};

// What it means that a named object could not be opened.
PlatResult open_failure(const char* call, const std::wstring& name, DWORD error);

// SMIPC_E_NO_SPACE: what is needed and what there is.
PlatResult no_memory_for(std::uint64_t bytes);

}  // namespace smipc::detail
