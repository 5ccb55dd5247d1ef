// A structure in a file, mapped by many processes, and the lock beside it.
// The story is in docs/design/locked-structures.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/rw_lock.h"

namespace smipc::detail {

inline constexpr char kStructureNoun[] = "structure";

// The first bytes of every structure.
struct StructureHead {
  std::uint16_t code;
  double last_update;
};
static_assert(sizeof(StructureHead) == 16 && offsetof(StructureHead, last_update) == 8);

struct StructurePlan {
  std::string path;
  std::string lock_path;
  std::uint64_t bytes = 0;
  std::uint32_t access = 0;
  std::uint16_t code = 0;  // 0: any
  bool read_only = false;
};

struct FreeMapped {
  void operator()(PlatMappedFile* file) const { plat_mapped_file_free(file); }
};
using MappedFile = std::unique_ptr<PlatMappedFile, FreeMapped>;

struct Structure {
  StructurePlan plan;
  RwLock lock;
  OpenHandle listed;
  // Guards what follows. Changed with the lock held, by whoever finds the file replaced.
  std::mutex mutex;
  std::vector<MappedFile> mappings;  // the last one is current; older ones may still be looked at
  void* data = nullptr;
  std::uint32_t cut_off_pid = 0;  // as of the last time it was locked
  std::uint32_t generation = 0;   // of the page, when the current one was mapped
};

Status structure_create(const StructurePlan& plan, bool force, const Deadline& deadline);
Status structure_open(const StructurePlan& plan, Structure* structure);

// As rw_lock_acquire; *data is where the structure is from now until it is unlocked.
Status structure_lock(Structure& structure, bool exclusive, const Deadline& deadline,
                      std::uint32_t* cut_off_pid, void** data,
                      Manners manners = Manners::kByDeadline);
Status structure_data(Structure& structure, void** data);

}  // namespace smipc::detail

// The opaque type of smipc.h.
struct smipc_structure : smipc::detail::Structure {};
