// Files of any content where an object is to be opened: each kind of object opens it, and if that
// succeeds, makes the calls that look at all of it.
//
// Input: a byte for the kind, one for the shape of the file, one for its pages, one for the number of
// runs of bytes in it, and for each two bytes for its place, two for its length, and the bytes; then what
// is changed in it, as in Hostile::write.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "core/circular_layout.h"
#include "core/lock_page.h"
#include "core/queue_layout.h"
#include "hostile.hpp"
#include "platform/posix/shm_file.h"

namespace smipc::fuzz {
namespace {

using detail::ChannelShm;
using detail::CircularBufferShm;
using detail::EndShm;
using detail::QueueShm;
using detail::SegmentHeaderShm;

constexpr Field kFields[] = {
    {0, 8},     {8, 4},     {12, 4},    {16, 8},   {24, 8},   {32, 8},   {40, 8},   {48, 8},
    {56, 8},    {64, 4},    {68, 4},    {72, 4},   {88, 8},   {96, 4},   {128, 8},  {384, 8},
    {392, 8},   {400, 4},   {408, 8},   {416, 8},  {424, 8},  {432, 8},  {512, 4},  {516, 4},
    {520, 4},   {524, 4},   {528, 4},   {532, 4},  {540, 4},  {512, 8},  {520, 8},  {640, 8},
    {648, 8},   {768, 8},   {776, 8},   {776, 4},  {780, 4},  {784, 4},  {1024, 4}, {1152, 4},
    {1280, 8},  {1288, 8},  {1408, 8},  {1416, 8}, {1664, 2}, {1666, 2}, {4096, 8}, {4104, 8},
    {25344, 4}, {25472, 4}, {25600, 8}, {25728, 4}};

enum Kind : std::uint8_t { kChannel, kCircularBuffer, kMessageQueue, kLock, kKinds };

std::string path_of(Kind kind) {
  switch (kind) {
    case kChannel:
      return detail::shm_path({object_name(), detail::kKindChannel});
    case kCircularBuffer:
      return detail::shm_path({object_name(), detail::kKindCircularBuffer});
    case kMessageQueue:
      return detail::shm_path({object_name(), detail::kKindMessageQueue});
    default:
      return "/dev/shm/" + object_name() + ".attach";
  }
}

// The name of this run, for else nothing would be looked at but names.
void write_name(unsigned char* image) {
  const std::string& name = object_name();
  const auto length = static_cast<std::uint32_t>(name.size());
  std::memcpy(image + offsetof(SegmentHeaderShm, name_bytes), &length, sizeof length);
  std::memcpy(image + offsetof(SegmentHeaderShm, name), name.data(), name.size());
}

// Zeros, but for runs of given bytes.
void make_file(const std::string& path, Program& program) {
  const std::uint8_t shape = program.byte();
  const std::size_t pages = program.byte() & 31;
  std::vector<unsigned char> image(std::max(pages * 4096 + (shape >> 4), sizeof(SegmentHeaderShm)));
  std::size_t end = 0;
  for (int runs = program.byte() & 31; runs > 0 && program.more(); --runs) {
    const auto at = static_cast<std::size_t>(program.number(2)) % image.size();
    end = std::min<std::size_t>(image.size(), at + program.number(2));
    for (std::size_t i = at; i < end; ++i) image[i] = program.byte();
  }
  if ((shape & 1) == 0) write_name(image.data());
  // Cut off behind the last run, perhaps within the header.
  const std::size_t size = (shape & 2) != 0 ? end : image.size();
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0 || ::write(file, image.data(), size) != static_cast<ssize_t>(size)) std::abort();
  ::close(file);
}

void read_channel(smipc_channel* reader, bool streams) {
  Exactly data(200);
  std::size_t size = 0;
  std::size_t more = 0;
  smipc_fetch_area area = {};
  const void* lent = nullptr;
  std::uint8_t ready = 0;
  checked(smipc_wait(&reader, 1, 0, &ready, &size));
  if (streams) {
    checked(smipc_channel_read_some(reader, data.data(), data.size(), 0, &size));
    REQUIRE(size <= data.size());
    checked(smipc_channel_read(reader, data.data(), data.size(), 0));
    return;
  }
  checked(smipc_channel_fetch_open(reader, &area));
  for (int round = 0; round < 4; ++round) {
    checked(smipc_channel_next(reader, data.data(), data.size(), 0, &size, &more));
    if (checked(smipc_channel_peek(reader, 0, &lent, &size)) == SMIPC_OK) {
      touch(lent, size);
      checked(smipc_channel_release(reader));
    }
    checked(smipc_channel_recv(reader, data.data(), data.size(), 0, &size));
    checked(smipc_channel_fetch(reader, 0));
  }
}

void write_channel(smipc_channel* writer, bool streams) {
  Exactly data(200);
  fill(data.data(), data.size());
  std::size_t size = 0;
  void* room = nullptr;
  if (streams) {
    checked(smipc_channel_write(writer, data.data(), data.size(), 0, &size));
  } else {
    for (const std::size_t wanted : {std::size_t{8}, data.size(), SIZE_MAX - 3}) {
      if (checked(smipc_channel_reserve(writer, wanted, 0, &room)) == SMIPC_OK) {
        fill(room, wanted);
        checked(smipc_channel_commit(writer, wanted));
      }
      checked(smipc_channel_send(writer, data.data(), std::min(wanted, data.size()), 0));
    }
  }
  checked(smipc_channel_flush(writer, 0));
}

void try_channel(Program& program) {
  smipc_channel_options options;
  smipc_channel_options_init(&options);
  const std::uint8_t how = program.byte();
  options.framing = how & 1;
  for (const std::uint32_t mode : {how & 2u ? 0u : 1u, how & 2u ? 1u : 0u}) {
    smipc_channel* end = nullptr;
    if (checked(smipc_channel_open(object_name().data(), object_name().size(), mode, 4088, &options,
                                   &end)) < 0) {
      continue;
    }
    smipc_channel_status status = {};
    status.struct_size = sizeof status;
    checked(smipc_channel_get_status(end, &status));
    const bool streams = options.framing == SMIPC_STREAM;
    mode == SMIPC_WRITER ? write_channel(end, streams) : read_channel(end, streams);
    checked(smipc_channel_close(end));
    smipc_channel_free(end);
  }
  if ((how & 4) != 0) checked(smipc_channel_unlink(object_name().data(), object_name().size()));
}

void try_circular_buffer(Program& program) {
  const std::uint8_t how = program.byte();
  for (const std::int32_t mode :
       {how & 1 ? SMIPC_READER : SMIPC_WRITER, how & 1 ? SMIPC_WRITER : SMIPC_READER}) {
    smipc_circular_buffer* end = nullptr;
    if (checked(smipc_circular_buffer_open(object_name().data(), object_name().size(), mode,
                                           nullptr, &end)) < 0) {
      continue;
    }
    smipc_circular_buffer_status status = {};
    status.struct_size = sizeof status;
    checked(smipc_circular_buffer_get_status(end, &status));
    const std::size_t item = status.item_size > 0 && status.item_size < 100'000
                                 ? static_cast<std::size_t>(status.item_size)
                                 : 1;
    Exactly items(3 * item);
    fill(items.data(), items.size());
    std::uint64_t count = 0;
    if (mode == SMIPC_WRITER) {
      checked(smipc_circular_buffer_push(end, items.data(), items.size()));
      checked(smipc_circular_buffer_push_int(end, 5));
    } else {
      for (int round = 0; round < 4; ++round) {
        if (checked(smipc_circular_buffer_pop(end, items.data(), items.size(), &count)) ==
            SMIPC_OK) {
          REQUIRE(count <= 3);
        }
        checked(smipc_circular_buffer_pop_int(end));
      }
    }
    checked(smipc_circular_buffer_close(end));
    smipc_circular_buffer_free(end);
  }
}

void try_message_queue(Program& program) {
  smipc_object_options options;
  smipc_object_options_init(&options);
  const std::uint8_t how = program.byte();
  options.existence = how & 3;
  options.unlink = (how >> 2) % 3;
  for (int which = 0; which < 2; ++which) {
    smipc_message_queue* queue = nullptr;
    if (checked(smipc_message_queue_open(object_name().data(), object_name().size(), 4, 100, 3,
                                         &options, nullptr, &queue)) < 0) {
      return;
    }
    Exactly data(120);
    fill(data.data(), data.size());
    std::size_t size = 0;
    smipc_message_queue_status status = {};
    status.struct_size = sizeof status;
    checked(smipc_message_queue_get_status(queue, &status));
    std::int64_t last = 0;
    for (int round = 0; round < 4 && last != SMIPC_E_TIMED_OUT; ++round) {
      last = checked(smipc_message_queue_send(queue, data.data(), 20,
                                              static_cast<std::uint32_t>(round & 1), 0));
      if (last == SMIPC_E_TIMED_OUT) break;
      last =
          checked(smipc_message_queue_receive(queue, data.data(), data.size(), 0, &size, nullptr));
      if (last == SMIPC_OK) REQUIRE(size <= data.size());
    }
    checked(smipc_message_queue_close(queue));
    smipc_message_queue_free(queue);
  }
}

void try_lock(const std::string& path) {
  smipc_rwlock* lock = nullptr;
  std::uint32_t pid = 0;
  if (checked(smipc_rwlock_open(path.data(), path.size(), SMIPC_ACCESS_USER, &lock)) == SMIPC_OK) {
    for (const int mode : {SMIPC_SHARED, SMIPC_EXCLUSIVE}) {
      if (checked(smipc_rwlock_lock(lock, static_cast<std::uint32_t>(mode), 10'000, &pid)) ==
          SMIPC_OK) {
        checked(smipc_rwlock_unlock(lock));
      }
    }
    smipc_rwlock_free(lock);
  }
  smipc_structure* structure = nullptr;
  void* data = nullptr;
  if (checked(smipc_structure_open(path.data(), path.size(), 4096, nullptr, &structure)) < 0)
    return;
  if (checked(smipc_structure_lock(structure, SMIPC_SHARED, 0, &pid, &data)) == SMIPC_OK) {
    touch(data, 4096);
  }
  smipc_structure_free(structure);
}

}  // namespace
}  // namespace smipc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace smipc::fuzz;
  Program program(data, size);
  const auto kind = static_cast<Kind>(program.below(kKinds));
  const std::string path = path_of(kind);
  Hostile hostile(path);
  const Hostile lock_of_structure(path + ".lock");
  make_file(path, program);
  hostile.map();
  for (int steps = 0; steps < 12 && program.left() > 1; ++steps) {
    hostile.write(program, kFields, sizeof kFields / sizeof *kFields);
  }
  switch (kind) {
    case kChannel:
      try_channel(program);
      break;
    case kCircularBuffer:
      try_circular_buffer(program);
      break;
    case kMessageQueue:
      try_message_queue(program);
      break;
    default:
      try_lock(path);
  }
  hostile.map();  // what has become of it, for it to be removed
  return 0;
}
