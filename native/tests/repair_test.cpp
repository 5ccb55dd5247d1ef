// White box: a writer killed inside a message that it publishes as it grows, at every step of writing
// it and of its successor's repair. The states are made by hand in the segment.
#include <cstring>
#include <memory>

#include "core/channel.h"
#include "core/ring.h"
#include "support.hpp"

namespace smipc::test {
namespace {

using namespace smipc::detail;

constexpr std::uint64_t kCapacity = 300'000;
constexpr std::uint64_t kSize = 200'001;
constexpr std::uint64_t kChunk = 64 * 1024;

// A crash: which stores had been made. (message_send.cpp, write_whole and repair_partial_record)
struct Crash {
  const char* name;
  bool word;                // the record's header word
  bool partial;             // `partial` = where it begins
  std::uint64_t published;  // bytes of the record that `cursor` is past
  bool aborted = false;     // the successor had marked it
  bool delivered = false;   // the message is whole
};

const Crash kCrashes[] = {
    {"before_anything", false, false, 0},
    {"after_the_word", true, false, 0},
    {"after_partial", true, true, 0},
    {"after_the_first_chunk", true, true, kRecordHeader + kChunk},
    {"after_the_last_chunk", true, true, kRecordHeader + 3 * kChunk},
    {"after_all_of_it", true, true, record_cost(kSize), false, true},
    {"after_the_end", true, false, record_cost(kSize), false, true},
    {"in_repair_after_the_mark", true, true, kRecordHeader + kChunk, true},
    {"in_repair_after_the_cursor", true, true, record_cost(kSize), true},
    {"in_repair_after_partial", true, false, record_cost(kSize), true},
};

class Repair : public testing::TestWithParam<std::tuple<Crash, std::uint64_t>> {
 protected:
  Repair() : pair_("repair", kCapacity), reader_(pair_.reader) {
    // To where the record is to begin.
    for (std::uint64_t cursor = 0; cursor < std::get<1>(GetParam());) {
      const std::uint64_t size = std::min<std::uint64_t>(100'000, std::get<1>(GetParam()) - cursor);
      send(pair_.writer, pattern(size - 8, cursor));
      recv(pair_.reader);
      cursor += size;
    }
  }

  const Crash& crash() const { return std::get<0>(GetParam()); }

  // The writer closes, and the segment is made to look as if it had been killed.
  void die() {
    EXPECT_OK(smipc_channel_close(pair_.writer));
    EndShm& writer = reader_->shm->writer;
    const std::uint64_t start = writer.cursor;
    ASSERT_EQ(std::get<1>(GetParam()), start);
    std::byte* const record = reader_->ring + start % reader_->ring_bytes;
    const std::vector<unsigned char> data = pattern(kSize, 1);
    const RecordKind kind = crash().aborted ? RecordKind::kAborted : RecordKind::kWhole;
    if (crash().word) store_record_word(record, record_word(kind, kSize));
    if (crash().published > kRecordHeader) {
      std::memcpy(record + kRecordHeader, data.data(),
                  std::min(kSize, crash().published - kRecordHeader));
    }
    if (crash().partial) writer.partial = start + 1;
    writer.cursor = start + crash().published;
    writer.wait_word = (writer.wait_word & ~kClosed) | kDead;
  }

  void expect_what_was_sent() {
    if (crash().delivered) expect_pattern(recv(pair_.reader).data(), kSize, 1);
    std::vector<unsigned char> data;
    EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, try_recv(pair_.reader, &data));
  }

  void expect_a_successor_goes_on() {
    pair_.writer.reset();
    pair_.writer = End(pair_.name, SMIPC_WRITER, 1);
    EXPECT_EQ(0u, reader_->shm->writer.partial);
    EXPECT_EQ(0u, reader_->shm->writer.cursor % 8);
    for (std::uint64_t i = 0; i < 10; ++i) {
      send(pair_.writer, pattern(90'000 + i, i));  // with what was given up, it fits
      const std::vector<unsigned char> data = recv(pair_.reader);
      ASSERT_EQ(90'000 + i, data.size());
      expect_pattern(data.data(), data.size(), i);
    }
    EXPECT_EQ(0u, status_of(pair_.reader).used_bytes);
  }

  Pair pair_;
  Channel* reader_;
};

INSTANTIATE_TEST_SUITE_P(After, Repair,
                         testing::Combine(testing::ValuesIn(kCrashes),
                                          testing::Values(0u, 8u, 1000u, 150'000u, 303'096u,
                                                          303'104u, 700'008u)),
                         [](const testing::TestParamInfo<std::tuple<Crash, std::uint64_t>>& which) {
                           return std::string(std::get<0>(which.param).name) + "_at_" +
                                  std::to_string(std::get<1>(which.param));
                         });

TEST_P(Repair, the_same_reader_goes_on) {
  die();
  expect_what_was_sent();
  expect_a_successor_goes_on();
}

TEST_P(Repair, a_reader_that_had_begun_with_it_goes_on) {
  die();
  unsigned char buffer[8];
  std::size_t size = 0;
  // Looking, and a buffer too small, must not change what comes after.
  (void)smipc_channel_next(pair_.reader, buffer, 8, 0, &size, nullptr);
  (void)smipc_channel_recv(pair_.reader, buffer, 8, 0, &size);
  expect_what_was_sent();
  expect_a_successor_goes_on();
}

TEST_P(Repair, the_writers_successor_comes_before_the_readers) {
  die();
  pair_.writer.reset();
  pair_.writer = End(pair_.name, SMIPC_WRITER, 1);
  pair_.reader.reset();
  pair_.reader = End(pair_.name, SMIPC_READER, 1);
  reader_ = pair_.reader;
  if (crash().delivered) expect_pattern(recv(pair_.reader).data(), kSize, 1);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(pair_.reader, &data));
  expect_a_successor_goes_on();
}

TEST_P(Repair, the_repaired_record_is_skipped_by_every_way_of_reading) {
  die();
  for (int way = 0; way < 5; ++way) {
    pair_.writer.reset();
    pair_.writer = End(pair_.name, SMIPC_WRITER, 1);
    if (way == 0 && crash().delivered) recv(pair_.reader);
    send(pair_.writer, pattern(20, 2));
    unsigned char buffer[20];
    smipc_buffer part = {buffer, 20};
    std::size_t size = 0;
    std::size_t count = 0;
    const void* view = buffer;
    smipc_fetch_area area;
    switch (way) {
      case 0:
        EXPECT_OK(smipc_channel_peek(pair_.reader, 0, &view, &size));
        expect_pattern(view, size, 2);
        EXPECT_OK(smipc_channel_release(pair_.reader));
        continue;
      case 1:
        EXPECT_OK(smipc_channel_recv_many(pair_.reader, buffer, 20, 1, 0, &part, &count, &size));
        break;
      case 2:
        EXPECT_OK(smipc_channel_fetch_open(pair_.reader, &area));
        EXPECT_EQ(20, smipc_channel_fetch(pair_.reader, 0));
        view = area.data;
        break;
      case 3:
        EXPECT_OK(smipc_channel_recv_parts(pair_.reader, &part, 1, 0, &size));
        break;
      default:
        EXPECT_OK(smipc_channel_recv(pair_.reader, buffer, 20, 0, &size));
    }
    expect_pattern(view, 20, 2);
  }
}

// What an honest writer never leaves.
TEST(RepairOfNonsense, is_refused) {
  for (const auto& [partial, cursor] : {std::pair<std::uint64_t, std::uint64_t>{1, 400'000},
                                        {500'000, 80},
                                        {UINT64_MAX, 80},
                                        {4, 80},
                                        {1, 81}}) {
    Pair pair("nonsense", kCapacity);
    Channel* const reader = pair.reader;
    EXPECT_OK(smipc_channel_close(pair.writer));
    const std::uint64_t word = record_word(RecordKind::kWhole, 299'900);
    for (std::uint64_t at : {0u, 8u}) store_record_word(reader->ring + at, word);
    reader->shm->writer.partial = partial;
    reader->shm->writer.cursor = cursor;
    smipc_channel* successor = nullptr;
    EXPECT_STATUS(SMIPC_E_CORRUPT, try_open(pair.name, SMIPC_WRITER, 1, {}, &successor))
        << partial << ' ' << cursor;
    reader->shm->writer.partial = 0;
    reader->shm->writer.cursor = 0;
    ASSERT_OK(try_open(pair.name, SMIPC_WRITER, 1, {}, &successor)) << "the role is free again";
    smipc_channel_free(successor);
  }
}

}  // namespace
}  // namespace smipc::test
