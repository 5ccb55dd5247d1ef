// See security.h.
#include "platform/windows/security.h"

#include <aclapi.h>
#include <sddl.h>

#include <vector>

#include "smipc.h"

namespace smipc::detail {
namespace {

std::vector<std::byte> token_information(TOKEN_INFORMATION_CLASS what) {
  HANDLE opened = nullptr;
  if (!::OpenProcessToken(::GetCurrentProcess(), TOKEN_QUERY, &opened)) return {};
  const Handle token(opened);
  DWORD size = 0;
  ::GetTokenInformation(token.get(), what, nullptr, 0, &size);
  std::vector<std::byte> bytes(size);
  if (size == 0 || !::GetTokenInformation(token.get(), what, bytes.data(), size, &size)) return {};
  return bytes;
}

std::wstring sid_text(PSID sid) {
  LPWSTR text = nullptr;
  if (!::ConvertSidToStringSidW(sid, &text)) return {};
  std::wstring copy(text);
  ::LocalFree(text);
  return copy;
}

// The token of a process does not change its user or group.
const std::vector<std::byte>& user_token() {
  static const std::vector<std::byte> bytes = token_information(TokenUser);
  return bytes;
}

PSID user_sid() {
  const std::vector<std::byte>& bytes = user_token();
  return bytes.empty() ? nullptr : reinterpret_cast<const TOKEN_USER*>(bytes.data())->User.Sid;
}

std::wstring group_text() {
  const std::vector<std::byte> bytes = token_information(TokenPrimaryGroup);
  if (bytes.empty()) return {};
  return sid_text(reinterpret_cast<const TOKEN_PRIMARY_GROUP*>(bytes.data())->PrimaryGroup);
}

// In the security descriptor definition language: O is the owner, D:P a list that inherits nothing,
// GA everything, GRGWGX use, SY the system, WD everybody.
std::wstring descriptor_text(std::uint32_t access) {
  if (user_sid() == nullptr) return {};
  const std::wstring user = sid_text(user_sid());
  std::wstring text = L"O:" + user + L"D:P(A;;GA;;;" + user + L")(A;;GA;;;SY)";
  if (access == SMIPC_ACCESS_GROUP) {
    const std::wstring group = group_text();
    if (!group.empty()) text += L"(A;;GRGWGX;;;" + group + L")";
  }
  if (access == SMIPC_ACCESS_ALL) text += L"(A;;GRGWGX;;;WD)";
  return text;
}

const std::wstring& cached_descriptor_text(std::uint32_t access) {
  static const std::wstring texts[] = {descriptor_text(SMIPC_ACCESS_USER),
                                       descriptor_text(SMIPC_ACCESS_GROUP),
                                       descriptor_text(SMIPC_ACCESS_ALL)};
  return texts[access <= SMIPC_ACCESS_ALL ? access : SMIPC_ACCESS_USER];
}

}  // namespace

Security::Security(std::uint32_t access) {
  attributes_.nLength = sizeof attributes_;
  const std::wstring& text = cached_descriptor_text(access);
  if (text.empty() ||
      !::ConvertStringSecurityDescriptorToSecurityDescriptorW(
          text.c_str(), SDDL_REVISION_1, &attributes_.lpSecurityDescriptor, nullptr)) {
    attributes_.lpSecurityDescriptor = nullptr;
  }
}

Security::~Security() { ::LocalFree(attributes_.lpSecurityDescriptor); }

bool is_own_object(HANDLE object, ObjectKind kind) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  const SE_OBJECT_TYPE type = kind == ObjectKind::kFile ? SE_FILE_OBJECT : SE_KERNEL_OBJECT;
  if (::GetSecurityInfo(object, type, OWNER_SECURITY_INFORMATION, &owner, nullptr, nullptr, nullptr,
                        &descriptor) != ERROR_SUCCESS) {
    return false;
  }
  const PSID user = user_sid();
  const bool own = owner != nullptr && user != nullptr && ::EqualSid(owner, user);
  ::LocalFree(descriptor);
  return own;
}

}  // namespace smipc::detail
