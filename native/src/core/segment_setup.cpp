// See segment_setup.h.
#include "core/segment_setup.h"

#include <cstring>

#include "smipc.h"

namespace smipc::detail {

Status inspect_segment(const ObjectTitle& title, std::uint32_t kind, const PlatSetup* setup,
                       std::byte* image, std::size_t size, bool* fresh) {
  const auto refuse = [&](Status status, const std::string& text) {
    return fail_object(status, title.noun, title.name, text);
  };
  const std::uint64_t bytes = plat_setup_size(setup);
  std::uint64_t magic = 0;
  *fresh = bytes == 0;
  if (*fresh) return SMIPC_OK;
  if (!plat_setup_read(setup, &magic, sizeof magic)) {
    return refuse(SMIPC_E_NOT_SMIPC, "its file is no smipc segment");
  }
  *fresh = magic == 0;
  if (*fresh) return SMIPC_OK;
  if (magic != kSegmentMagic) return refuse(SMIPC_E_NOT_SMIPC, "its file is no smipc segment");
  const auto& header = *reinterpret_cast<const SegmentHeaderShm*>(image);
  if (!plat_setup_read(setup, image, size) || header.total_bytes > bytes) {
    return refuse(SMIPC_E_CORRUPT,
                  "its segment is truncated to " + std::to_string(bytes) + " bytes");
  }
  if (header.layout_version != kLayoutVersion) {
    return refuse(SMIPC_E_VERSION, "its segment has layout version " +
                                       std::to_string(header.layout_version) +
                                       ", this library has " + std::to_string(kLayoutVersion));
  }
  if (header.fingerprint != layout_fingerprint() || header.kind != kind) {
    return refuse(SMIPC_E_VERSION, "its segment was made by an incompatible build");
  }
  return SMIPC_OK;
}

Status check_segment_name(const ObjectTitle& title, std::string_view name,
                          const SegmentHeaderShm& header) {
  if (header.name_bytes == name.size() && std::memcmp(header.name, name.data(), name.size()) == 0) {
    return SMIPC_OK;
  }
  return fail_object(SMIPC_E_EXISTS, title.noun, title.name,
                     "another name has the same hash; choose another");
}

void fill_segment_header(SegmentHeaderShm* header, const PlatSegmentName& name,
                         std::uint32_t access, std::uint64_t nonce) {
  header->layout_version = kLayoutVersion;
  header->kind = name.kind;
  header->fingerprint = layout_fingerprint();
  header->access = access;
  header->creator_pid = plat_process_id();
  header->created_unix_ns = static_cast<std::uint64_t>(plat_unix_time_ns());
  header->nonce = nonce;
  header->name_bytes = static_cast<std::uint32_t>(name.name.size());
  std::memcpy(header->name, name.name.data(), name.name.size());
}

}  // namespace smipc::detail
