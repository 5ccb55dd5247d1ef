// Who may open the objects that this process creates, and whose an existing object is.
#pragma once

#include "platform/windows/windows_api.h"

namespace smipc::detail {

// A security descriptor for CreateXxx: the creating user and the system, and with SMIPC_ACCESS_GROUP
// or _ALL the user's primary group or everybody, who may use the object but not change its rights.
class Security {
 public:
  explicit Security(std::uint32_t access);
  ~Security();
  Security(const Security&) = delete;
  Security& operator=(const Security&) = delete;

  // A failure to build the descriptor must not end in an object that is open to others.
  bool ok() const { return attributes_.lpSecurityDescriptor != nullptr; }
  SECURITY_ATTRIBUTES* attributes() { return &attributes_; }

 private:
  SECURITY_ATTRIBUTES attributes_ = {};
};

enum class ObjectKind : std::uint8_t { kKernelObject, kFile };

// Whether the object, opened with READ_CONTROL, was created by the user of this process.
// When the OS does not say: false.
bool is_own_object(HANDLE object, ObjectKind kind);

}  // namespace smipc::detail
