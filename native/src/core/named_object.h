// What named objects have in common: the name and options that callers give, and who unlinks.
#pragma once

#include <string>

#include "core/error.h"
#include "platform/named_objects.h"
#include "smipc.h"

namespace smipc::detail {

// Checks a caller's name and gives it without slashes. SMIPC_E_INVALID.
Status read_object_name(const char* noun, const void* name, std::size_t size, std::string* out);

// Checks a caller's options (nullptr: the defaults). SMIPC_E_INVALID.
Status read_object_options(const char* noun, const std::string& name,
                           const smipc_object_options* given, smipc_object_options* out);

// The status of a platform call, with its text.
Status object_status(const char* noun, const std::string& name, const PlatResult& result);

// Whether freeing a handle, in this process, removes the name.
class UnlinkRule {
 public:
  UnlinkRule(std::uint32_t unlink, bool created)
      : unlinks_(unlink == SMIPC_UNLINK_ALWAYS || (unlink == SMIPC_UNLINK_IF_CREATED && created)),
        pid_(plat_process_id()) {}
  // A forked child has the handle, too, but is not the one who opened it.
  bool is_own_process() const { return pid_ == plat_process_id(); }
  bool unlinks() const { return unlinks_ && is_own_process(); }

 private:
  bool unlinks_;
  std::uint32_t pid_;
};

}  // namespace smipc::detail
