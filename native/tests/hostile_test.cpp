// A peer that writes whatever it likes into the shared memory: the honest side gets an error or a
// well-formed message, in finite time, and touches nothing outside. Best run under a sanitizer.
#include <atomic>
#include <cstring>

#include "core/channel.h"
#include "core/ring.h"
#include "support.hpp"

namespace smipc::test {
namespace {

using namespace smipc::detail;

constexpr std::uint64_t kCapacity = 4088;

// Values that have a chance to be taken for something.
std::uint64_t nasty(Random& random, const Channel& channel) {
  const std::uint64_t near[] = {0,
                                channel.shm->writer.cursor,
                                channel.shm->reader.exact,
                                channel.limit,
                                channel.ring_bytes,
                                SMIPC_MAX_MESSAGE,
                                UINT64_MAX,
                                std::uint64_t{1} << 48,
                                std::uint64_t{1} << random.below(64)};
  const std::uint64_t value = near[random.below(std::size(near))];
  switch (random.below(4)) {
    case 0:
      return value;
    case 1:
      return value + 8 * random.below(64);
    case 2:
      return value + random.below(20) - 10;
    default:
      return random.next() >> random.below(64);
  }
}

void scribble_end(Random& random, const Channel& channel, EndShm& end) {
  AtomicU64* const words[] = {&end.cursor, &end.cursor,      &end.partial,    &end.exact,
                              &end.taken,  &end.attached_at, &end.messages,   &end.bytes,
                              &end.waits,  &end.start_time,  &end.high_water, &end.wanted_bytes};
  AtomicU32* const halves[] = {&end.wait_word, &end.stalled, &end.only_cpu, &end.wait_policy,
                               &end.pid};
  if (random.below(4) != 0) {
    *words[random.below(std::size(words))] = nasty(random, channel);
  } else {
    *halves[random.below(std::size(halves))] = static_cast<std::uint32_t>(nasty(random, channel));
  }
}

// ThreadSanitizer is not told of this store: it races with honest copies, and that is its trade.
#if defined(__GNUC__)
__attribute__((no_sanitize("thread"), noinline))
#endif
void store_unseen(std::byte* at, std::uint64_t word) {
  *reinterpret_cast<volatile std::uint64_t*>(at) = word;
}

void scribble_ring(Random& random, const Channel& channel) {
  const std::uint64_t at = 8 * random.below(static_cast<std::size_t>(channel.ring_bytes / 8));
  const std::uint64_t kinds[] = {0, 1, 2, 3, 4, 0xff};
  const std::uint64_t word = (nasty(random, channel) & kLengthMask) | kinds[random.below(6)]
                                                                          << kRecordKindShift;
  store_unseen(channel.ring + at, random.below(3) == 0 ? random.below(5000) : word);
}

// The peer of `victim`, in a thread of this process: it has the same memory.
class Hostile {
 public:
  Hostile(Channel& victim, std::uint64_t seed)
      : thread_(Place::kThread, [this, &victim, seed] {
          Random random(seed);
          while (!stop_) {
            for (int i = 0; i < 8; ++i) {
              if (random.below(2) == 0) {
                scribble_ring(random, victim);
              } else {
                scribble_end(random, victim, *victim.peer);
              }
            }
            // It also wakes those whom it has misled to sleep.
            victim.self->wait_word.fetch_and(~kSleeping);
            plat_wake(victim.wait_point(0));
            std::this_thread::yield();
          }
        }) {}
  ~Hostile() {
    stop_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  Companion thread_;
};

void expect_one_of(std::initializer_list<smipc_status> allowed, std::int64_t status) {
  for (smipc_status one : allowed) {
    if (status == one) return;
  }
  ADD_FAILURE() << smipc_status_name(static_cast<smipc_status>(status)) << ": "
                << smipc_last_error();
}

void expect_reading_status(std::int64_t status) {
  if (status >= 0) return;
  expect_one_of({SMIPC_E_TIMED_OUT, SMIPC_E_CORRUPT, SMIPC_E_BUFFER_TOO_SMALL, SMIPC_E_NO_MEMORY,
                 SMIPC_E_OPPOSITE_CLOSED, SMIPC_E_OPPOSITE_DIED, SMIPC_E_BUSY, SMIPC_E_INVALID},
                status);
}

void expect_writing_status(std::int64_t status) {
  if (status >= 0) return;
  expect_one_of({SMIPC_E_TIMED_OUT, SMIPC_E_CORRUPT, SMIPC_E_OPPOSITE_CLOSED, SMIPC_E_OPPOSITE_DIED,
                 SMIPC_E_BUSY, SMIPC_E_INVALID},
                status);
}

// One reading call of any kind; what it says it has delivered must be inside the buffers.
void read_somehow(smipc_channel* reader, Random& random, smipc_fetch_area& area) {
  static std::vector<unsigned char> buffer(10'000);
  smipc_buffer out[16];
  std::size_t size = 0;
  std::size_t count = 0;
  const void* view = nullptr;
  const std::size_t room = random.below(buffer.size());
  const std::int64_t timeout_ns = random.below(8) == 0 ? 100'000 : 0;
  std::int64_t status = 0;
  std::uint8_t ready = 0;
  switch (random.below(7)) {
    case 0:
      status = smipc_channel_recv(reader, buffer.data(), room, timeout_ns, &size);
      if (status == SMIPC_OK) {
        EXPECT_LE(size, room);
      }
      break;
    case 1:
      out[0] = {buffer.data(), room / 2};
      out[1] = {buffer.data() + room / 2, room - room / 2};
      status = smipc_channel_recv_parts(reader, out, 2, timeout_ns, &size);
      if (status == SMIPC_OK) {
        EXPECT_LE(size, room);
      }
      break;
    case 2:
      status = smipc_channel_recv_many(reader, buffer.data(), room, 16, timeout_ns, out, &count,
                                       nullptr);
      for (std::size_t i = 0; i < count; ++i) size += out[i].size;
      EXPECT_LE(size, room);
      break;
    case 3:
      status = smipc_channel_next(reader, buffer.data(), 64, timeout_ns, &size, &count);
      if (status == SMIPC_OK) {
        EXPECT_LE(count, 64u);
      }
      break;
    case 4:
      status = smipc_channel_peek(reader, timeout_ns, &view, &size);
      if (status == SMIPC_OK && size < 1'000'000) {
        unsigned sum = 0;
        for (std::size_t i = 0; i < size; ++i) sum += static_cast<const unsigned char*>(view)[i];
        EXPECT_LE(sum, 255 * size);
      }
      if (status == SMIPC_OK) {
        EXPECT_OK(smipc_channel_release(reader));
      }
      break;
    case 5:
      status = smipc_channel_fetch(reader, timeout_ns);
      if (status >= 0 && status >> SMIPC_FETCH_KIND_SHIFT != SMIPC_FETCH_LARGE) {
        EXPECT_LE(status & 0xffff'ffff'ffff, static_cast<std::int64_t>(area.size));
      }
      *area.taken = static_cast<std::uint16_t>(random.below(300));
      break;
    default:
      status = smipc_wait(&reader, 1, timeout_ns, &ready, nullptr);
  }
  expect_reading_status(status);
}

void write_somehow(smipc_channel* writer, Random& random) {
  static const std::vector<unsigned char> data = pattern(10'000, 1);
  smipc_buffer parts[2];
  std::size_t count = 0;
  void* room = nullptr;
  const std::size_t size = random.below(random.below(4) == 0 ? data.size() : 200);
  const std::int64_t timeout_ns = random.below(8) == 0 ? 100'000 : 0;
  std::int64_t status = 0;
  parts[0] = {const_cast<unsigned char*>(data.data()), size / 2};
  parts[1] = {const_cast<unsigned char*>(data.data()), size - size / 2};
  switch (random.below(5)) {
    case 0:
      status = smipc_channel_send(writer, data.data(), size, timeout_ns);
      break;
    case 1:
      status = smipc_channel_send_parts(writer, parts, 2, timeout_ns, nullptr);
      break;
    case 2:
      status = smipc_channel_send_many(writer, parts, 2, timeout_ns, &count);
      EXPECT_LE(count, 2u);
      break;
    case 3:
      status = smipc_channel_reserve(writer, size, timeout_ns, &room);
      if (status != SMIPC_OK) break;
      std::memcpy(room, data.data(), size);
      status = smipc_channel_commit(writer, random.below(size + 1));
      break;
    default:
      status = smipc_channel_flush(writer, timeout_ns);
  }
  expect_writing_status(status);
}

constexpr int kCalls = kSanitized ? 20'000 : 200'000;

// A scribbled flag that says the peer is gone would end most calls early.
void keep_open(const Channel& channel) { channel.peer->wait_word.fetch_and(~(kClosed | kDead)); }

class HostilePeer : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seed, HostilePeer, testing::Range<std::uint64_t>(0, 4),
                         testing::PrintToStringParamName());

TEST_P(HostilePeer, of_a_message_reader) {
  Pair pair("reader", kCapacity);
  smipc_fetch_area area;
  EXPECT_OK(smipc_channel_fetch_open(pair.reader, &area));
  Channel& victim = *static_cast<smipc_channel*>(pair.reader);
  Random random(GetParam());
  const Hostile hostile(victim, GetParam() + 100);
  for (int i = 0; i < kCalls && !HasFailure(); ++i) {
    keep_open(victim);
    // Else the reader would sit in front of the first bad record for ever.
    if (random.below(4) == 0) {
      victim.peer->cursor = victim.reader.tail + 8 * random.below(512) + random.below(8);
      store_record_word(record_at_tail(victim), random.below(200));
    }
    read_somehow(pair.reader, random, area);
  }
}

// The tail would move beyond the head that was seen, and what lies behind it would count as being there.
TEST(HostileWriter, a_head_inside_the_padding_of_a_record_is_no_message) {
  Pair pair("padding", kCapacity);
  const Channel& victim = *static_cast<smipc_channel*>(pair.reader);
  store_record_word(record_at_tail(victim), record_word(RecordKind::kWhole, 100));
  store_record_word(record_at_tail(victim) + 112, record_word(RecordKind::kWhole, 60'000));
  std::vector<unsigned char> buffer(60'000);
  std::size_t size = 0;
  for (std::uint64_t there : {8u, 107u, 108u, 111u}) {
    victim.peer->cursor = there;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                  smipc_channel_recv(pair.reader, buffer.data(), 60'000, 0, &size));
    EXPECT_EQ(0u, victim.reader.tail);
  }
  victim.peer->cursor = 112;
  EXPECT_OK(smipc_channel_recv(pair.reader, buffer.data(), 60'000, 0, &size));
  EXPECT_EQ(100u, size);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                smipc_channel_recv(pair.reader, buffer.data(), 60'000, 0, &size));
}

TEST_P(HostilePeer, of_a_message_writer) {
  Pair pair("writer", kCapacity);
  Channel& victim = *static_cast<smipc_channel*>(pair.writer);
  Random random(GetParam());
  const Hostile hostile(victim, GetParam() + 100);
  for (int i = 0; i < kCalls && !HasFailure(); ++i) {
    keep_open(victim);
    if (random.below(4) == 0) {
      victim.peer->exact = victim.writer.head;
      victim.peer->cursor = victim.writer.head;
    }
    write_somehow(pair.writer, random);
  }
}

TEST_P(HostilePeer, of_a_stream) {
  Pair pair("stream", kCapacity, stream());
  std::vector<unsigned char> buffer(10'000);
  Random random(GetParam());
  Channel& reader = *static_cast<smipc_channel*>(pair.reader);
  Channel& writer = *static_cast<smipc_channel*>(pair.writer);
  {
    const Hostile hostile(reader, GetParam() + 100);
    for (int i = 0; i < kCalls && !HasFailure(); ++i) {
      keep_open(reader);
      if (random.below(4) == 0) reader.peer->cursor = reader.reader.tail + random.below(4000);
      std::size_t size = 0;
      const std::size_t room = random.below(buffer.size());
      const std::int64_t timeout_ns = random.below(8) == 0 ? 100'000 : 0;
      if (random.below(2) == 0) {
        expect_reading_status(smipc_channel_read(pair.reader, buffer.data(), room, timeout_ns));
      } else {
        expect_reading_status(
            smipc_channel_read_some(pair.reader, buffer.data(), room, timeout_ns, &size));
        EXPECT_LE(size, room);
      }
    }
  }
  const Hostile hostile(writer, GetParam() + 200);
  for (int i = 0; i < kCalls && !HasFailure(); ++i) {
    keep_open(writer);
    if (random.below(4) == 0) writer.peer->exact = writer.peer->cursor = writer.writer.head;
    std::size_t written = 0;
    const std::size_t size = random.below(buffer.size());
    expect_writing_status(smipc_channel_write(pair.writer, buffer.data(), size,
                                              random.below(8) == 0 ? 100'000 : 0, &written));
    EXPECT_LE(written, size);
  }
}

// The states that an attaching process may find, made by somebody who owns the file.
TEST_P(HostilePeer, of_those_who_attach) {
  const std::string name = unique_name("attach");
  const Settings kernel = {.lifetime = SMIPC_LIFETIME_KERNEL};
  Random random(GetParam());
  constexpr int kRounds = (kSanitized ? 300 : 3000) / kOpeningIsDear;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    {
      End writer(name, SMIPC_WRITER, kCapacity, kernel);
      for (int i = 0; i < 10; ++i) send(writer, pattern(random.below(200), 1));
      Channel& channel = *static_cast<smipc_channel*>(writer);
      for (std::size_t i = random.below(6); i > 0; --i) {
        scribble_end(random, channel, random.below(2) == 0 ? *channel.self : *channel.peer);
        scribble_ring(random, channel);
        channel.shm->batch.ends[random.below(256)] = static_cast<std::uint16_t>(random.next());
      }
      if (random.below(3) == 0) {  // and in the header, which nobody writes to twice
        auto* const words = reinterpret_cast<std::uint64_t*>(channel.shm);
        words[random.below(13)] = nasty(random, channel);
      }
    }
    smipc_fetch_area area;
    for (std::uint32_t mode : {SMIPC_WRITER, SMIPC_READER}) {
      smipc_channel* channel = nullptr;
      const smipc_status status = try_open(name, mode, kCapacity, kernel, &channel);
      if (status != SMIPC_OK) {
        expect_one_of({SMIPC_E_CORRUPT, SMIPC_E_NOT_SMIPC, SMIPC_E_VERSION, SMIPC_E_EXISTS,
                       SMIPC_E_WRONG_FRAMING, SMIPC_E_NO_MEMORY},
                      status);
        continue;
      }
      if (mode == SMIPC_READER) {
        EXPECT_OK(smipc_channel_fetch_open(channel, &area));
      }
      for (int i = 0; i < 20; ++i) {
        mode == SMIPC_READER ? read_somehow(channel, random, area) : write_somehow(channel, random);
      }
      smipc_channel_free(channel);
    }
    const smipc_status unlinked = smipc_channel_unlink(name.data(), name.size());
    EXPECT_TRUE(unlinked == SMIPC_OK || unlinked == SMIPC_E_NOT_FOUND);
  }
}

// A capacity beyond the ring would let a reservation wrap around to a few bytes of room.
TEST(HostileHeader, a_capacity_that_the_ring_does_not_have_is_refused) {
  for (const Settings& settings :
       {Settings{.framing = SMIPC_MESSAGE}, Settings{.framing = SMIPC_STREAM}}) {
    for (const std::uint64_t lie : {UINT64_MAX, UINT64_MAX - 7, kCapacity + 8, std::uint64_t{0}}) {
      Settings kernel = settings;
      kernel.lifetime = SMIPC_LIFETIME_KERNEL;
      const std::string name = unique_name("capacity");
      {
        End writer(name, SMIPC_WRITER, kCapacity, kernel);
        static_cast<Channel&>(*static_cast<smipc_channel*>(writer)).shm->header.capacity_bytes =
            lie;
      }
      smipc_channel* channel = nullptr;
      EXPECT_STATUS(SMIPC_E_CORRUPT, try_open(name, SMIPC_WRITER, kCapacity, kernel, &channel));
      EXPECT_EQ(channel, nullptr);
      EXPECT_OK(smipc_channel_unlink(name.data(), name.size()));
    }
  }
}

}  // namespace
}  // namespace smipc::test
