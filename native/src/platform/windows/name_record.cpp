// See name_record.h.
#include "platform/windows/name_record.h"

#include "smipc.h"

namespace smipc::detail {
namespace {

constexpr std::uint64_t kRecordBytes = 4096;

std::wstring record_name(Scope scope, const std::string& stem) {
  return object_name(scope, stem, "name");
}

}  // namespace

PlatResult NameRecord::open(Scope scope, const std::string& stem) {
  return section_.open(record_name(scope, stem));
}

PlatResult NameRecord::open_or_create(Scope scope, const std::string& stem, std::uint32_t access) {
  PlatResult result = open(scope, stem);
  if (result.status != SMIPC_E_NOT_FOUND) return result;
  Section created;  // keeps it in being until it is open the ordinary way
  result = created.create(record_name(scope, stem), access, kRecordBytes);
  return result ? open(scope, stem) : result;
}

}  // namespace smipc::detail
