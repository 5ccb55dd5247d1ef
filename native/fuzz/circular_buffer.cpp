// A hostile peer of the writer and of a reader of a circular buffer.
//
// Input: a byte each for the size of an item and their number; then steps.
#include "core/circular_layout.h"
#include "hostile.hpp"
#include "platform/posix/shm_file.h"

namespace smipc::fuzz {
namespace {

using detail::CircularBufferShm;

constexpr Field kFields[] = {{offsetof(CircularBufferShm, reserved), 8},
                             {offsetof(CircularBufferShm, committed), 8},
                             {offsetof(CircularBufferShm, reserved), 4},
                             {offsetof(CircularBufferShm, committed), 4},
                             {offsetof(CircularBufferShm, item_size), 8},
                             {offsetof(CircularBufferShm, length), 8},
                             {offsetof(CircularBufferShm, writer_pid), 4},
                             {40, 8},
                             {88, 8},
                             {4096, 8},
                             {4104, 8}};

class CircularBuffer {
 public:
  explicit CircularBuffer(Program& program)
      : program_(program),
        hostile_(detail::shm_path({object_name(), detail::kKindCircularBuffer})) {
    static constexpr std::uint64_t kItems[] = {1, 2, 7, 8, 9, 100, 1000, 4096};
    static constexpr std::uint64_t kLengths[] = {2, 3, 8, 20, 64, 100, 5, 1000};
    smipc_circular_buffer_options_init(&options_);
    options_.item_size = kItems[program.byte() & 7];
    options_.length = kLengths[program.byte() & 7];
    open(SMIPC_WRITER);
    open(SMIPC_READER);
  }

  ~CircularBuffer() {
    Hostile::calm();
    close(SMIPC_READER);
    close(SMIPC_WRITER);
  }

  void step() {
    switch (program_.below(16)) {
      case 0:
        return hostile_.flicker(program_, kFields, std::size(kFields));
      case 1:
        return reopen(program_.byte() & 1);
      case 2:
        return look(program_.byte() & 1);
      case 3:
      case 4:
        return push();
      case 5:
        checked(smipc_circular_buffer_push_int(writer_, program_.value(0)));
        return;
      case 6:
      case 7:
      case 8:
        return pop();
      case 9:
      case 10:
        checked(smipc_circular_buffer_pop_int(reader_));
        return;
      default:
        return hostile_.write(program_, kFields, std::size(kFields));
    }
  }

 private:
  smipc_circular_buffer*& end(std::int32_t mode) {
    return mode == SMIPC_WRITER ? writer_ : reader_;
  }

  void open(std::int32_t mode) {
    checked(smipc_circular_buffer_open(object_name().data(), object_name().size(), mode, &options_,
                                       &end(mode)));
    hostile_.map();
    look(mode);
  }

  void close(std::int32_t mode) {
    checked(smipc_circular_buffer_close(end(mode)));
    smipc_circular_buffer_free(end(mode));
    end(mode) = nullptr;
    item_sizes_[mode] = 0;
  }

  void reopen(std::int32_t mode) {
    if ((program_.byte() & 1) != 0) {  // without saying what shape it is to have
      options_.item_size = 0;
      options_.length = 0;
    }
    close(mode);
    open(mode);
  }

  void look(std::int32_t mode) {
    smipc_circular_buffer_status status = {};
    status.struct_size = sizeof status;
    if (checked(smipc_circular_buffer_get_status(end(mode), &status)) < 0) return;
    REQUIRE(status.available < status.length);
    // Of a lying header: whatever was said at first holds as long as the handle is open.
    std::uint64_t& known = item_sizes_[mode];
    REQUIRE(known == 0 || known == status.item_size);
    known = status.item_size;
  }

  void push() {
    Exactly items(program_.byte() % 40 * room_for_item(SMIPC_WRITER));
    fill(items.data(), items.size());
    checked(smipc_circular_buffer_push(writer_, items.data(), items.size()));
  }

  void pop() {
    Exactly items(program_.byte() % 40 * room_for_item(SMIPC_READER) + (program_.byte() & 7));
    std::uint64_t count = 0;
    if (checked(smipc_circular_buffer_pop(reader_, items.data(), items.size(), &count)) < 0) return;
    if (count == 0 || item_sizes_[SMIPC_READER] == 0) return;
    REQUIRE(count <= items.size() / item_sizes_[SMIPC_READER]);
    touch(items.data(), static_cast<std::size_t>(count * item_sizes_[SMIPC_READER]));
  }

  // Too little for items that are large beyond reason.
  std::size_t room_for_item(std::int32_t mode) const {
    const std::uint64_t size = item_sizes_[mode];
    return size <= 10'000 ? static_cast<std::size_t>(size) : 1;
  }

  Program& program_;
  Hostile hostile_;
  smipc_circular_buffer_options options_ = {};
  std::uint64_t item_sizes_[2] = {};  // of each end; 0: not known
  smipc_circular_buffer* writer_ = nullptr;
  smipc_circular_buffer* reader_ = nullptr;
};

}  // namespace
}  // namespace smipc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  smipc::fuzz::Program program(data, size);
  const smipc::fuzz::Patience patience;
  smipc::fuzz::CircularBuffer buffer(program);
  for (int steps = 0; steps < 64 && program.more() && patience.left(); ++steps) buffer.step();
  return 0;
}
