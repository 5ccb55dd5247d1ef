// See names.h.
#include "platform/windows/names.h"

#include <cinttypes>
#include <cstdio>

#include "platform/segment_name.h"
#include "platform/windows/windows_api.h"

namespace smipc::detail {

const char kRemovedPrefix[] = "smipc.removed.";

namespace {

std::string hexadecimal(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016" PRIx64, value);
  return text;
}

std::wstring environment(const wchar_t* variable) {
  wchar_t value[MAX_PATH];
  const DWORD size = ::GetEnvironmentVariableW(variable, value, MAX_PATH);
  return size > 0 && size < MAX_PATH ? std::wstring(value, size) : std::wstring();
}

}  // namespace

std::string stem_prefix(std::uint32_t kind) { return std::string("smipc.") + kind_tag(kind) + "."; }

std::string name_stem(const PlatSegmentName& name) {
  return stem_prefix(name.kind) + encoded_name(name);
}

std::wstring object_name(Scope scope, const std::string& stem, const char* what) {
  const wchar_t* space = scope == Scope::kSession ? L"Local\\" : L"Global\\";
  return space + wide(stem + "." + what);
}

std::wstring object_name(Scope scope, const std::string& stem, std::uint64_t id, const char* what) {
  return object_name(scope, stem + "." + hexadecimal(id), what);
}

std::wstring files_folder(Scope scope) {
  const std::wstring parent =
      environment(scope == Scope::kSession ? L"LOCALAPPDATA" : L"ProgramData");
  return parent.empty() ? parent : parent + L"\\smipc";
}

std::wstring file_path(Scope scope, const std::string& file_name) {
  const std::wstring folder = files_folder(scope);
  return folder.empty() ? folder : folder + L"\\" + wide(file_name);
}

std::string removed_file_name(std::uint64_t nonce) { return kRemovedPrefix + hexadecimal(nonce); }

}  // namespace smipc::detail
