// A hostile process beside a locked structure and its lock: it writes into the structure's file and the
// lock's page, and puts other files in their place.
//
// Input: a byte for the structure's size; then steps.
#include <fcntl.h>
#include <unistd.h>

#include "core/lock_page.h"
#include "hostile.hpp"

namespace smipc::fuzz {
namespace {

using detail::LockPageShm;

constexpr Field kLockFields[] = {
    {offsetof(LockPageShm, magic), 8},      {offsetof(LockPageShm, layout_version), 4},
    {offsetof(LockPageShm, editor_pid), 4}, {offsetof(LockPageShm, wake_word), 4},
    {offsetof(LockPageShm, generation), 4}, {offsetof(LockPageShm, writer_until_ns), 8},
    {offsetof(LockPageShm, edits), 8},      {56, 8}};
constexpr Field kFileFields[] = {{0, 2}, {0, 8}, {8, 8}};

class Structure {
 public:
  explicit Structure(Program& program)
      : program_(program),
        path_("/dev/shm/" + object_name() + ".structure"),
        lock_path_(path_ + ".lock"),
        file_(path_),
        page_(lock_path_) {
    static constexpr std::uint64_t kSizes[] = {16, 17, 100, 4096, 5000, 64, 24, 9000};
    size_ = kSizes[program.byte() & 7];
    create(0);
    for (int which = 0; which < 2; ++which) open(which);
    open_lock();
  }

  ~Structure() {
    Hostile::calm();
    for (int which = 0; which < 2; ++which) close(which);
    checked(smipc_rwlock_close(lock_));
    smipc_rwlock_free(lock_);
    ::unlink((path_ + ".new").c_str());
  }

  void step() {
    const int which = program_.byte() & 1;
    smipc_structure* structure = structures_[which];
    std::uint32_t pid = 0;
    void* data = nullptr;
    switch (program_.below(24)) {
      case 0:
        return page_.flicker(program_, kLockFields, std::size(kLockFields));
      case 1:
        create(1);
        return;
      case 2:
        return replace();
      case 3:
        close(which);
        return open(which);
      case 4:
        checked(smipc_rwlock_close(lock_));
        smipc_rwlock_free(lock_);
        return open_lock();
      case 5:
      case 6:
        checked(smipc_rwlock_lock(lock_, program_.byte() & 1, program_.timeout_ns(), &pid));
        return;
      case 7:
        checked(smipc_rwlock_unlock(lock_));
        return;
      case 8:
      case 9:
      case 10:
        return lock(which);
      case 11:
        if (checked(smipc_structure_enter(structure, program_.byte() & 1, data_[which])) >= 0) {
          checked(smipc_structure_data(structure, &data));
          use(which, data);
        }
        return;
      case 12:
      case 13:
        checked(smipc_structure_unlock(structure));
        return;
      case 14:
        checked(smipc_structure_back_out(structure));
        return;
      case 15:
        checked(smipc_structure_cut_off(structure, &pid));
        if (checked(smipc_structure_data(structure, &data)) == SMIPC_OK) use(which, data);
        return;
      case 16:
        return file_.write(program_, kFileFields, std::size(kFileFields));
      default:
        return page_.write(program_, kLockFields, std::size(kLockFields));
    }
  }

 private:
  smipc_structure_options options(int which) {
    smipc_structure_options options;
    smipc_structure_options_init(&options);
    options.read_only = which == 1 ? 1 : 0;
    options.code = 7;
    return options;
  }

  void create(std::uint32_t force) {
    const smipc_structure_options made = options(0);
    checked(smipc_structure_create(path_.data(), path_.size(), size_, force,
                                   force == 0 ? 0 : program_.timeout_ns(), &made));
    file_.map();
    page_.map();
  }

  void open(int which) {
    const smipc_structure_options how = options(which);
    checked(smipc_structure_open(path_.data(), path_.size(), size_, &how, &structures_[which]));
    file_.map();
    page_.map();
  }

  void open_lock() {
    checked(smipc_rwlock_open(lock_path_.data(), lock_path_.size(), SMIPC_ACCESS_USER, &lock_));
    page_.map();
  }

  // What has been given out stays until the handle is freed.
  void close(int which) {
    checked(smipc_structure_close(structures_[which]));
    if (data_[which] != nullptr) touch(data_[which], static_cast<std::size_t>(size_));
    smipc_structure_free(structures_[which]);
    structures_[which] = nullptr;
    data_[which] = nullptr;
  }

  void lock(int which) {
    const std::uint32_t mode = program_.byte() & 1;
    std::uint32_t pid = 0;
    void* data = nullptr;
    if (checked(smipc_structure_lock(structures_[which], mode, program_.timeout_ns(), &pid,
                                     &data)) == SMIPC_OK) {
      use(which, data);
      if (mode == SMIPC_EXCLUSIVE)
        fill(static_cast<char*>(data) + 16, static_cast<std::size_t>(size_) - 16);
    }
  }

  void use(int which, void* data) {
    data_[which] = data;
    touch(data, static_cast<std::size_t>(size_));
  }

  // Another file takes the place of one of the two, of any size.
  void replace() {
    const bool lock = (program_.byte() & 1) != 0;
    const std::string& path = lock ? lock_path_ : path_;
    const std::string fresh = path_ + ".new";
    const int file = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return;
    unsigned char head[64] = {};
    for (unsigned char& byte : head) byte = program_.byte();
    const std::uint64_t bytes = program_.value(lock ? sizeof head : size_) % 20'000;
    if (::ftruncate(file, static_cast<off_t>(bytes)) != 0) std::abort();
    if (::pwrite(file, head, bytes < sizeof head ? bytes : sizeof head, 0) < 0) std::abort();
    ::close(file);
    if (::rename(fresh.c_str(), path.c_str()) != 0) std::abort();
    (lock ? page_ : file_).map();
  }

  Program& program_;
  std::string path_;
  std::string lock_path_;
  Hostile file_;
  Hostile page_;
  std::uint64_t size_ = 0;
  smipc_structure* structures_[2] = {};  // an editor and a reader
  void* data_[2] = {};
  smipc_rwlock* lock_ = nullptr;
};

}  // namespace
}  // namespace smipc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  smipc::fuzz::Program program(data, size);
  const smipc::fuzz::Patience patience;
  smipc::fuzz::Structure structure(program);
  for (int steps = 0; steps < 64 && program.more() && patience.left(); ++steps) structure.step();
  return 0;
}
