// A hostile peer of both ends of a channel, of either framing.
//
// Input: a byte each for the framing and lifetime, the wait policy and the capacity; then steps, a byte
// that picks one, and what it needs.
#include <cstring>
#include <vector>

#include "core/layout.h"
#include "hostile.hpp"
#include "platform/posix/shm_file.h"

namespace smipc::fuzz {
namespace {

using detail::ChannelShm;
using detail::EndShm;

#define FIELD(where, member, bytes) \
  {where + static_cast<std::uint32_t>(offsetof(EndShm, member)), bytes}
#define END(where)                                                                         \
  FIELD(where, cursor, 8), FIELD(where, partial, 8), FIELD(where, exact, 8),               \
      FIELD(where, taken, 8), FIELD(where, wait_word, 4), FIELD(where, stalled, 4),        \
      FIELD(where, attached_at, 8), FIELD(where, pid, 4), FIELD(where, start_time, 8),     \
      FIELD(where, only_cpu, 4), FIELD(where, wanted_bytes, 8), FIELD(where, messages, 8), \
      FIELD(where, high_water, 8), FIELD(where, taken, 2)
constexpr std::uint32_t kWriter = offsetof(ChannelShm, writer);
constexpr std::uint32_t kReader = offsetof(ChannelShm, reader);
constexpr std::uint32_t kBatch = offsetof(ChannelShm, batch);
constexpr std::uint32_t kRing = 4096;
constexpr Field kFields[] = {END(kWriter),      END(kReader),    {kBatch, 2},     {kBatch + 2, 2},
                             {kBatch + 508, 2}, {kRing, 8},      {kRing + 8, 8},  {kRing + 16, 8},
                             {kRing + 7, 1},    {kRing + 24, 8}, {kRing + 32, 8}, {kRing + 15, 1},
                             {kRing + 40, 8},   {kRing + 48, 8}, {kRing + 31, 1}, {88, 8},
                             {56, 8},           {68, 4},         {0, 8},          {48, 8}};
#undef END
#undef FIELD
constexpr std::size_t kFieldCount = std::size(kFields);

class Channel {
 public:
  explicit Channel(Program& program)
      : program_(program), hostile_(detail::shm_path({object_name(), detail::kKindChannel})) {
    static constexpr std::uint64_t kCapacities[] = {1, 16, 60, 200, 1000, 4088, 9000, 150'000};
    smipc_channel_options_init(&options_);
    const std::uint8_t kind = program.byte();
    options_.framing = (kind & 1) != 0 ? SMIPC_STREAM : SMIPC_MESSAGE;
    options_.lifetime = (kind & 2) != 0 ? SMIPC_LIFETIME_KERNEL : SMIPC_LIFETIME_PROCESS;
    options_.wait = program.below(3);
    capacity_ = kCapacities[program.byte() & 7];
    open(SMIPC_WRITER);
    open(SMIPC_READER);
  }

  ~Channel() {
    Hostile::calm();
    close(SMIPC_WRITER);
    close(SMIPC_READER);
    smipc_channel_unlink(object_name().data(), object_name().size());
  }

  void step() {
    switch (program_.below(32)) {
      case 0:
        return hostile_.flicker(program_, kFields, kFieldCount);
      case 1:
        return reopen(program_.byte() & 1);
      case 2:
        return look(program_.byte() & 1);
      case 3:
        checked(smipc_channel_unlink(object_name().data(), object_name().size()));
        return;
      case 4:
        return listen();
      case 5:
        return descriptor();
      case 6:
      case 7:
        checked(smipc_channel_flush(writer_, program_.timeout_ns()));
        return;
      case 8:
        return wait();
      case 9:
      case 10:
      case 11:
      case 12:
        return streams() ? write() : send();
      case 13:
      case 14:
        return streams() ? write() : send_otherwise();
      case 15:
      case 16:
        return streams() ? write() : reserve();
      case 17:
      case 18:
      case 19:
        return streams() ? read() : receive();
      case 20:
      case 21:
        return streams() ? read_some() : receive_otherwise();
      case 22:
      case 23:
        return streams() ? read_some() : peek();
      case 24:
      case 25:
        return streams() ? read() : fetch();
      default:
        return hostile_.write(program_, kFields, kFieldCount);
    }
  }

 private:
  bool streams() const { return options_.framing == SMIPC_STREAM; }
  smipc_channel*& end(std::uint32_t mode) { return mode == SMIPC_WRITER ? writer_ : reader_; }

  void open(std::uint32_t mode) {
    checked(smipc_channel_open(object_name().data(), object_name().size(), mode, capacity_,
                               &options_, &end(mode)));
    if (mode == SMIPC_READER && reader_ != nullptr && !streams()) {
      checked(smipc_channel_fetch_open(reader_, &area_));
    }
    hostile_.map();
  }

  void close(std::uint32_t mode) {
    checked(smipc_channel_close(end(mode)));
    if (mode == SMIPC_READER) touch(lent_, lent_bytes_);  // garbage by now, but there
    smipc_channel_free(end(mode));
    end(mode) = nullptr;
    if (mode == SMIPC_WRITER) room_ = nullptr;
    if (mode == SMIPC_READER) {
      lent_ = nullptr;
      lent_bytes_ = 0;
      area_ = {};
    }
  }

  void reopen(std::uint32_t mode) {
    close(mode);
    open(mode);
  }

  void look(std::uint32_t mode) {
    smipc_channel_status status = {};
    status.struct_size = sizeof status;
    checked(smipc_channel_get_status(end(mode), &status));
    Exactly text(program_.byte() * std::size_t{3});
    std::size_t size = 0;
    checked(smipc_channel_status_text(end(mode), reinterpret_cast<char*>(text.data()), text.size(),
                                      &size));
  }

  void listen() {
    if (listened_) return;  // a thread each time
    listened_ = true;
    const auto hear = [](void*, const void* data, std::size_t size, smipc_status status) {
      if (checked(status) == SMIPC_OK) touch(data, size);
    };
    checked(smipc_channel_listen(reader_, hear, nullptr));
    for (int i = program_.byte() & 3; i > 0; --i) streams() ? write() : send();
    checked(smipc_channel_listen_stop(reader_));
  }

  void descriptor() {
    std::int32_t descriptor = -1;
    if (!described_) checked(smipc_channel_fd(reader_, &descriptor));
    described_ = true;
    checked(smipc_channel_fd_arm(reader_, program_.byte()));
  }

  void wait() {
    std::uint8_t ready = 0;
    std::size_t count = 0;
    if (reader_ == nullptr) return;
    checked(smipc_wait(&reader_, 1, program_.timeout_ns(), &ready, &count));
    REQUIRE(ready <= 1 && count == ready);
  }

  void write() {
    Exactly data(program_.size());
    fill(data.data(), data.size());
    std::size_t written = 0;
    checked(
        smipc_channel_write(writer_, data.data(), data.size(), program_.timeout_ns(), &written));
    REQUIRE(written <= data.size());
  }

  void read() {
    Exactly data(program_.size());
    checked(smipc_channel_read(reader_, data.data(), data.size(), program_.timeout_ns()));
  }

  void read_some() {
    Exactly data(program_.size());
    std::size_t size = 0;
    checked(
        smipc_channel_read_some(reader_, data.data(), data.size(), program_.timeout_ns(), &size));
    REQUIRE(size <= data.size());
  }

  void send() {
    Exactly data(program_.size());
    fill(data.data(), data.size());
    checked(smipc_channel_send(writer_, data.data(), data.size(), program_.timeout_ns()));
  }

  void send_otherwise() {
    Exactly first(program_.size());
    Exactly second(program_.size());
    fill(first.data(), first.size());
    fill(second.data(), second.size());
    const smipc_buffer parts[] = {{first.data(), first.size()}, {second.data(), second.size()}};
    const std::int64_t timeout_ns = program_.timeout_ns();
    std::size_t sent = 0;
    switch (program_.byte() & 3) {
      case 0:
        checked(smipc_channel_send_many(writer_, parts, 2, timeout_ns, &sent));
        REQUIRE(sent <= 2);
        return;
      case 1:
        checked(smipc_channel_send_two(writer_, first.data(), first.size(), second.data(),
                                       second.size(), timeout_ns));
        return;
      default:
        checked(smipc_channel_send_parts(writer_, parts, 2, timeout_ns, &done_));
        return;
    }
  }

  void reserve() {
    switch (program_.byte() & 3) {
      case 0:
        checked(smipc_channel_abort(writer_));
        room_ = nullptr;
        return;
      case 1:
        if (room_ != nullptr) fill(room_, room_bytes_);
        checked(smipc_channel_commit(writer_, program_.byte()));
        room_ = nullptr;
        return;
      default: {
        void* room = nullptr;
        const std::uint64_t wanted = program_.value(capacity_);
        const auto size = static_cast<std::size_t>(wanted);
        if (checked(smipc_channel_reserve(writer_, size, program_.timeout_ns(), &room)) < 0) return;
        // The channel was made by an honest end, and may be opened again with another's header.
        REQUIRE(size <= SMIPC_MAX_CAPACITY);
        room_ = room;
        room_bytes_ = size;
        fill(room_, room_bytes_);
      }
    }
  }

  void receive() {
    Exactly data(program_.size());
    std::size_t size = 0;
    if (checked(smipc_channel_recv(reader_, data.data(), data.size(), program_.timeout_ns(),
                                   &size)) == SMIPC_OK) {
      REQUIRE(size <= data.size());
    }
  }

  void receive_otherwise() {
    Exactly data(program_.size());
    const std::int64_t timeout_ns = program_.timeout_ns();
    std::size_t size = 0;
    std::size_t count = 0;
    switch (program_.byte() & 3) {
      case 0: {
        const std::size_t half = data.size() / 2;
        const smipc_buffer parts[] = {
            {data.data(), half},
            {half > 0 ? data.data() + half : nullptr, half > 0 ? data.size() - half : 0}};
        checked(smipc_channel_recv_parts(reader_, parts, 2, timeout_ns, &size));
        return;
      }
      case 1: {
        std::vector<smipc_buffer> messages(1 + program_.below(8));
        checked(smipc_channel_recv_many(reader_, data.data(), data.size(), messages.size(),
                                        timeout_ns, messages.data(), &count, &size));
        REQUIRE(count <= messages.size());
        for (std::size_t i = 0; i < count; ++i) touch(messages[i].data, messages[i].size);
        return;
      }
      case 2:
        if (checked(smipc_channel_next(reader_, data.data(), data.size(), timeout_ns, &size,
                                       &count)) == SMIPC_OK) {
          REQUIRE(count <= data.size() && count <= size);
        }
        return;
      default: {
        Exactly head(program_.byte() & 15);
        fill(head.data(), head.size());
        checked(smipc_channel_recv_headed(reader_, head.data(), head.size(), data.data(),
                                          data.size(), timeout_ns));
      }
    }
  }

  void peek() {
    if ((program_.byte() & 1) != 0) {
      checked(smipc_channel_release(reader_));
      lent_ = nullptr;
      lent_bytes_ = 0;
      return;
    }
    const void* lent = nullptr;
    std::size_t size = 0;
    if (checked(smipc_channel_peek(reader_, program_.timeout_ns(), &lent, &size)) < 0) return;
    lent_ = lent;
    lent_bytes_ = size;
    touch(lent_, lent_bytes_);
  }

  void fetch() {
    if (area_.taken != nullptr && (program_.byte() & 3) == 0) {
      *area_.taken = static_cast<std::uint16_t>(program_.byte());
    }
    const std::int64_t result = checked(smipc_channel_fetch(reader_, program_.timeout_ns()));
    if (result < 0 || result >> SMIPC_FETCH_KIND_SHIFT == SMIPC_FETCH_LARGE) return;
    const auto size = static_cast<std::size_t>(result & 0xff'ffff'ffff'ffff);
    REQUIRE(size <= area_.size);
    if (result >> SMIPC_FETCH_KIND_SHIFT == SMIPC_FETCH_LIST) require_list(size);
  }

  // What Python would read: a list of at least two messages, exactly as long as was said.
  void require_list(std::size_t size) {
    const auto* bytes = static_cast<const unsigned char*>(area_.data);
    std::uint32_t count = 0;
    REQUIRE(size >= 5 && bytes[0] == '[');
    std::memcpy(&count, bytes + 1, sizeof count);
    REQUIRE(count >= 2 && count <= 255);
    std::size_t at = 5;
    for (; count > 0; --count) {
      std::uint32_t length = 0;
      REQUIRE(size - at >= 5 && bytes[at] == 's');
      std::memcpy(&length, bytes + at + 1, sizeof length);
      at += 5;
      REQUIRE(length <= size - at);
      at += length;
    }
    REQUIRE(at == size);
  }

  Program& program_;
  Hostile hostile_;
  smipc_channel_options options_ = {};
  std::uint64_t capacity_ = 0;
  smipc_channel* writer_ = nullptr;
  smipc_channel* reader_ = nullptr;
  smipc_fetch_area area_ = {};
  const void* lent_ = nullptr;
  std::size_t lent_bytes_ = 0;
  void* room_ = nullptr;
  std::size_t room_bytes_ = 0;
  std::uint64_t done_ = 0;
  bool listened_ = false;
  bool described_ = false;
};

}  // namespace
}  // namespace smipc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  smipc::fuzz::Program program(data, size);
  const smipc::fuzz::Patience patience;
  smipc::fuzz::Channel channel(program);
  for (int steps = 0; steps < 64 && program.more() && patience.left(); ++steps) channel.step();
  return 0;
}
