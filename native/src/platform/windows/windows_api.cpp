// See windows_api.h.
#include "platform/windows/windows_api.h"

#include "smipc.h"

namespace smipc::detail {

Handle& Handle::operator=(Handle&& other) noexcept {
  if (this != &other) {
    reset();
    handle_ = other.release();
  }
  return *this;
}

HANDLE Handle::release() {
  const HANDLE handle = handle_;
  handle_ = nullptr;
  return handle;
}

void Handle::reset() {
  if (handle_ != nullptr) ::CloseHandle(handle_);
  handle_ = nullptr;
}

Handle Handle::duplicate() const {
  HANDLE copy = nullptr;
  const HANDLE process = ::GetCurrentProcess();
  if (!::DuplicateHandle(process, handle_, process, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) {
    return Handle();
  }
  return Handle(copy);
}

std::wstring wide(const std::string& ascii) { return std::wstring(ascii.begin(), ascii.end()); }

std::string utf8(const std::wstring& text) {
  const int units = static_cast<int>(text.size());
  const int size =
      ::WideCharToMultiByte(CP_UTF8, 0, text.data(), units, nullptr, 0, nullptr, nullptr);
  std::string out(static_cast<std::size_t>(size), '\0');
  ::WideCharToMultiByte(CP_UTF8, 0, text.data(), units, out.data(), size, nullptr, nullptr);
  return out;
}

namespace {

std::string sentence_for(DWORD error) {
  wchar_t text[256];
  const DWORD flags = FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
  DWORD size = ::FormatMessageW(flags, nullptr, error, 0, text, 256, nullptr);
  while (size > 0 && (text[size - 1] <= L' ' || text[size - 1] == L'.')) --size;
  return size > 0 ? utf8(std::wstring(text, size)) : "unknown error";
}

std::int32_t status_for(DWORD error) {
  switch (error) {
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
      return SMIPC_E_NO_MEMORY;
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_NOT_ENOUGH_QUOTA:
      return SMIPC_E_LIMIT;
    default:
      return SMIPC_E_OS;
  }
}

}  // namespace

PlatResult os_failure(const char* call, DWORD error) {
  return {status_for(error), std::string(call) + ": " + sentence_for(error) + " (error " +
                                 std::to_string(error) + ")"};
}

}  // namespace smipc::detail
