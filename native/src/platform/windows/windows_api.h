// The Windows headers, with what keeps them out of C++'s way; handles that close themselves; and
// failures in the system's own words. For the files of this folder only.
#pragma once

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0A00
#undef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00  // Windows 10; what came later is looked up at run time
#endif
#include <windows.h>

#include <string>

#include "platform/platform.h"

namespace smipc::detail {

// Closes on destruction. Never holds INVALID_HANDLE_VALUE: no handle is nullptr.
class Handle {
 public:
  explicit Handle(HANDLE handle = nullptr)
      : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  Handle(Handle&& other) noexcept : handle_(other.release()) {}
  Handle& operator=(Handle&& other) noexcept;
  ~Handle() { reset(); }
  HANDLE get() const { return handle_; }
  explicit operator bool() const { return handle_ != nullptr; }
  HANDLE release();
  void reset();
  // Another handle of the same object, with the same rights; none when the OS refuses.
  Handle duplicate() const;

 private:
  HANDLE handle_;
};

// The names of this library's own making, which are ASCII.
std::wstring wide(const std::string& ascii);
// A path for an error message.
std::string utf8(const std::wstring& text);

// A result with the name of the failing call, the system's sentence and its number in it.
PlatResult os_failure(const char* call, DWORD error);

}  // namespace smipc::detail
