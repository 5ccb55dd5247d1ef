// Circular buffers through the C ABI and smipc.hpp: order, laps, tears, death, bad input.
#include <smipc.hpp>

#include <array>
#include <atomic>

#include "status_of_call.hpp"
#include "support.hpp"

namespace smipc::test {
namespace {

void push(CircularBufferWriter& writer, std::uint64_t value) {
  writer.push(std::as_bytes(std::span(&value, 1)));
}

std::vector<std::uint64_t> pop(CircularBufferReader& reader, std::size_t limit) {
  std::vector<std::uint64_t> items(limit);
  items.resize(reader.pop(std::as_writable_bytes(std::span(items))));
  return items;
}

using Numbers = std::vector<std::uint64_t>;

TEST(CircularBuffer, holds_the_newest_length_minus_one) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 4});
  CircularBufferReader early(name);
  for (std::uint64_t i = 1; i <= 3; ++i) push(writer, i);
  EXPECT_EQ(pop(early, 10), (Numbers{1, 2, 3}));
  EXPECT_EQ(pop(early, 10), Numbers{});
  for (std::uint64_t i = 4; i <= 13; ++i) push(writer, i);
  CircularBufferReader late(name, {.item_size = 8, .length = 4});
  EXPECT_EQ(early.status().available, 3u);
  EXPECT_EQ(early.status().lost, 7u);
  EXPECT_EQ(pop(early, 2), (Numbers{11, 12}));
  EXPECT_EQ(pop(late, 10), (Numbers{11, 12, 13}));
  EXPECT_EQ(late.status().lost, 0u);
  EXPECT_EQ(early.status().lost, 7u);
}

TEST(CircularBuffer, items_of_any_size_wrap) {
  for (const std::size_t size : {1u, 3u, 7u, 8u, 13u, 4096u, 5001u}) {
    const std::string name = unique_name("circular");
    CircularBufferWriter writer(name, {.item_size = size, .length = 5});
    CircularBufferReader reader(name);
    std::vector<std::byte> out(size * 3);
    for (std::uint64_t round = 0; round < 3000; ++round) {
      const std::vector<unsigned char> items = pattern(size * 3, round);
      writer.push(std::as_bytes(std::span(items)));
      ASSERT_EQ(reader.pop(out), 3u);
      expect_pattern(out.data(), out.size(), round);
    }
    EXPECT_EQ(reader.status().lost, 0u);
  }
}

TEST(CircularBuffer, a_push_larger_than_the_buffer_leaves_the_newest) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 100});
  CircularBufferReader reader(name);
  Numbers many(1000);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = i;
  writer.push(std::as_bytes(std::span(many)));
  const Numbers got = pop(reader, 200);
  EXPECT_EQ(got, Numbers(many.end() - 99, many.end()));
  EXPECT_EQ(reader.status().lost, 901u);
}

TEST(CircularBuffer, claiming_the_lines_of_the_next_items_leaves_the_oldest_as_they_are) {
  const std::string name = unique_name("circular");
  constexpr std::uint64_t kLength = 8192;  // whole pages: no slot is unused
  CircularBufferWriter writer(name, {.item_size = 8, .length = kLength});
  for (std::uint64_t next = 0; next < 3 * kLength; ++next) {
    push(writer, next);
    if (next < kLength || next % 61 != 0) continue;
    CircularBufferReader reader(name);
    const Numbers got = pop(reader, kLength);
    ASSERT_EQ(got.size(), kLength - 1);
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], next + 1 - got.size() + i);
  }
}

// An item is 12 words of the same number: a torn one has two.
using Item = std::array<std::uint64_t, 12>;

class CircularPlaces : public testing::TestWithParam<Place> {};

void expect_nothing_torn_and_everything_counted(Place place, std::uint64_t length) {
  const std::string name = unique_name("circular");
  constexpr std::uint64_t kItems = 300'000;
  CircularBufferWriter writer(name, {.item_size = sizeof(Item), .length = length});
  Signal ready;
  Companion companion(place, [&] {
    CircularBufferReader reader(name);
    ready.set();
    std::vector<Item> items(5);
    std::uint64_t got = 0;
    std::uint64_t last = 0;
    while (last < kItems) {
      const std::size_t count = reader.pop(std::as_writable_bytes(std::span(items)));
      for (std::size_t i = 0; i < count; ++i) {
        for (const std::uint64_t word : items[i]) ASSERT_EQ(word, items[i][0]);
        ASSERT_GT(items[i][0], last);
        last = items[i][0];
      }
      got += count;
    }
    EXPECT_EQ(got + reader.status().lost, kItems);
  });
  ready.wait();
  std::array<Item, 4> four;
  for (std::uint64_t next = 1; next <= kItems; next += four.size()) {
    for (std::size_t i = 0; i < four.size(); ++i) four[i].fill(next + i);
    writer.push(std::as_bytes(std::span(four)));
  }
  companion.join();
}

TEST_P(CircularPlaces, nothing_is_torn_and_everything_counted) {
  expect_nothing_torn_and_everything_counted(GetParam(), 9);
}
TEST_P(CircularPlaces, nor_in_a_ring_that_items_fill_to_the_last_byte) {
  expect_nothing_torn_and_everything_counted(GetParam(), 2048);  // 192 KiB
}
INSTANTIATE_TEST_SUITE_P(, CircularPlaces, places(), place_name);

TEST(CircularBuffer, options_of_an_older_or_a_newer_program_are_taken) {
  smipc_circular_buffer_options options;
  smipc_circular_buffer_options_init(&options);
  options.item_size = 4;
  options.length = 7;
  for (const std::size_t size : {sizeof options - sizeof options.length, sizeof options}) {
    const std::string name = unique_name("circular");
    options.struct_size = static_cast<std::uint32_t>(size);
    smipc_circular_buffer* buffer = nullptr;
    ASSERT_OK(
        smipc_circular_buffer_open(name.data(), name.size(), SMIPC_WRITER, &options, &buffer));
    smipc_circular_buffer_status status = {};
    status.struct_size = sizeof status;
    ASSERT_OK(smipc_circular_buffer_get_status(buffer, &status));
    EXPECT_EQ(status.item_size, 4u);
    EXPECT_EQ(status.length, size == sizeof options ? 7u : 2u);
    smipc_circular_buffer_free(buffer);
  }
  smipc_circular_buffer* buffer = nullptr;
  for (const std::uint32_t size : {0u, 3u, 5000u}) {
    options.struct_size = size;
    EXPECT_STATUS(SMIPC_E_INVALID,
                  smipc_circular_buffer_open("x", 1, SMIPC_WRITER, &options, &buffer));
  }
}

// Far more readers than cores: most of them are overtaken all the time, also while they copy.
TEST_P(CircularPlaces, sixty_four_readers_get_whole_items) {
  const std::string name = unique_name("circular");
  constexpr std::uint64_t kItems = kSanitized ? 20'000 : 200'000;
  CircularBufferWriter writer(name, {.item_size = sizeof(Item), .length = 30});
  std::vector<Signal> ready(64);
  std::vector<std::unique_ptr<Companion>> readers;
  for (Signal& attached : ready) {
    readers.push_back(std::make_unique<Companion>(GetParam(), [&] {
      CircularBufferReader reader(name);
      attached.set();
      std::vector<Item> items(7);
      std::uint64_t got = 0;
      std::uint64_t last = 0;
      while (last < kItems) {
        std::size_t count = 0;
        const Status status =
            status_of_call([&] { count = reader.pop(std::as_writable_bytes(std::span(items))); });
        ASSERT_TRUE(status == SMIPC_OK || status == SMIPC_E_BUSY) << status;
        for (std::size_t i = 0; i < count; ++i) {
          for (const std::uint64_t word : items[i]) ASSERT_EQ(word, items[i][0]);
          ASSERT_GT(items[i][0], last);
          last = items[i][0];
        }
        got += count;
        if (count == 0) std::this_thread::yield();
      }
      EXPECT_EQ(got + reader.status().lost, kItems);
    }));
  }
  for (Signal& attached : ready) attached.wait();
  Item item;
  for (std::uint64_t next = 1; next <= kItems; ++next) {
    item.fill(next);
    writer.push(std::as_bytes(std::span(item)));
  }
  for (const auto& reader : readers) reader->join();
}

TEST(CircularBuffer, a_killed_writer_is_succeeded) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("circular");
  std::uint64_t last = 0;
  std::uint64_t got = 0;
  std::unique_ptr<CircularBufferReader> reader;
  for (int round = 0; round < 20; ++round) {
    Signal ready;
    Companion victim(Place::kProcess, [&] {
      CircularBufferWriter writer(name, {.item_size = sizeof(Item), .length = 64});
      std::uint64_t next = writer.status().pushed + 1;
      std::array<Item, 7> some;
      for (;; next += some.size()) {
        for (std::size_t i = 0; i < some.size(); ++i) some[i].fill(next + i);
        writer.push(std::as_bytes(std::span(some)));
        if (next > 1000) ready.set();
      }
    });
    ready.wait();
    if (!reader) reader = std::make_unique<CircularBufferReader>(name);
    victim.kill();
    std::vector<Item> items(100);
    const std::size_t count = reader->pop(std::as_writable_bytes(std::span(items)));
    got += count;
    for (std::size_t i = 0; i < count; ++i) {
      for (const std::uint64_t word : items[i]) ASSERT_EQ(word, items[i][0]);
      ASSERT_GT(items[i][0], last);
      last = items[i][0];
    }
    EXPECT_EQ(last, reader->status().pushed);
  }
  EXPECT_GT(got, 0u);
  CircularBufferWriter last_one(name);
  EXPECT_EQ(last_one.status().length, 64u);
}

TEST(CircularBuffer, integers_are_big_endian) {
  for (const std::size_t size : {1u, 2u, 3u, 7u, 8u, 9u, 24u}) {
    const std::string name = unique_name("circular");
    CircularBufferWriter writer(name, {.item_size = size, .length = 4});
    CircularBufferReader reader(name);
    CircularBufferReader bytes(name);
    EXPECT_EQ(reader.pop_int(), std::nullopt);
    EXPECT_NE(std::string(smipc_last_error()).find("no such object or item"), std::string::npos);
    const std::uint64_t most = size >= 8 ? INT64_MAX : (std::uint64_t{1} << (8 * size)) - 1;
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{200}, most}) {
      writer.push_int(value);
      EXPECT_EQ(reader.pop_int(), value) << size;
      std::vector<std::byte> item(size);
      ASSERT_EQ(bytes.pop(item), 1u);
      std::uint64_t from_bytes = 0;
      for (const std::byte byte : item) from_bytes = from_bytes << 8 | std::to_integer<int>(byte);
      EXPECT_EQ(from_bytes, value) << size;
    }
  }
}

TEST(CircularBuffer, an_integer_that_does_not_fit_is_not_pushed) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 3, .length = 4});
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { writer.push_int(1u << 24); }));
  EXPECT_NE(std::string(smipc_last_error()).find("16777216"), std::string::npos);
  EXPECT_EQ(writer.status().pushed, 0u);
}

TEST(CircularBuffer, an_integer_of_64_bits_stays_for_those_who_pop_bytes) {
  for (const std::size_t size : {8u, 9u}) {
    const std::string name = unique_name("circular");
    CircularBufferWriter writer(name, {.item_size = size, .length = 4});
    CircularBufferReader reader(name);
    writer.push_int(UINT64_MAX);
    writer.push_int(7);
    EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL, status_of_call([&] { (void)reader.pop_int(); }));
    EXPECT_EQ(reader.status().available, 2u);
    std::vector<std::byte> item(size);
    ASSERT_EQ(reader.pop(item), 1u);
    EXPECT_EQ(item[size - 1], std::byte{0xff});
    EXPECT_EQ(reader.pop_int(), 7u);
    EXPECT_EQ(reader.status().lost, 0u);
  }
}

TEST(CircularBuffer, a_reader_that_is_lapped_now_and_then_gets_its_items) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 64});
  CircularBufferReader reader(name);
  std::atomic<bool> done = false;
  std::thread pushes([&] {
    for (std::uint64_t next = 1; !done; ++next) push(writer, next);
  });
  std::uint64_t last = 0;
  for (int got = 0; got < 20'000;) {
    const Numbers items = pop(reader, 1);
    if (items.empty()) continue;
    EXPECT_GT(items[0], last);
    last = items[0];
    ++got;
  }
  done = true;
  pushes.join();
  const CircularBufferStatus status = reader.status();
  EXPECT_EQ(20'000 + status.lost + status.available, status.pushed);
}

TEST(CircularBuffer, one_writer_at_a_time) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name);
  EXPECT_STATUS(SMIPC_E_END_TAKEN, status_of_call([&] { CircularBufferWriter second(name); }));
  EXPECT_NE(std::string(smipc_last_error()).find(std::to_string(process_id())), std::string::npos);
  writer.close();
  writer.close();
  EXPECT_FILES(0u, name);
  EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { writer.push({}); }));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { CircularBufferReader none(name); }));
}

TEST(CircularBuffer, readers_drain_what_a_closed_writer_left) {
  const std::string name = unique_name("circular");
  auto writer = std::make_unique<CircularBufferWriter>(
      name, CircularBufferOptions{.item_size = 8, .length = 9});
  CircularBufferReader reader(name);
  push(*writer, 5);
  writer.reset();
  EXPECT_EQ(pop(reader, 3), Numbers{5});
}

TEST(CircularBuffer, sizes_that_contradict_are_refused) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 4});
  EXPECT_STATUS(SMIPC_E_INVALID,
                status_of_call([&] { CircularBufferReader reader(name, {.item_size = 4}); }));
  EXPECT_STATUS(SMIPC_E_INVALID,
                status_of_call([&] { CircularBufferReader reader(name, {.length = 5}); }));
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] {
                  CircularBufferWriter other(unique_name("circular"), {.length = 1});
                }));
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] {
                  CircularBufferWriter other(unique_name("circular"),
                                             {.item_size = 1u << 31, .length = 1u << 20});
                }));
}

TEST(CircularBuffer, bad_calls_have_no_effect) {
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 4});
  std::array<std::byte, 12> bytes{};
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { writer.push(bytes); }));
  EXPECT_EQ(writer.status().pushed, 0u);
  CircularBufferReader reader(name);
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                status_of_call([&] { (void)reader.pop(std::span(bytes).first(7)); }));
  smipc_circular_buffer* handle = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_circular_buffer_open("", 0, SMIPC_WRITER, nullptr, &handle));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_circular_buffer_open("x", 1, 7, nullptr, &handle));
  EXPECT_STATUS(SMIPC_E_INVALID,
                smipc_circular_buffer_open("x", 1, SMIPC_WRITER, nullptr, nullptr));
  ASSERT_OK(smipc_circular_buffer_open(name.data(), name.size(), SMIPC_READER, nullptr, &handle));
  std::uint64_t count = 7;
  EXPECT_STATUS(SMIPC_E_WRONG_END, smipc_circular_buffer_push(handle, "12345678", 8));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_circular_buffer_pop(handle, nullptr, 8, &count));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_circular_buffer_pop(nullptr, bytes.data(), 8, &count));
  smipc_circular_buffer_free(handle);
}

TEST(CircularBuffer, is_dead_in_a_forked_child) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("circular");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 4});
  Companion child(Place::kProcess, [&] {
    EXPECT_STATUS(SMIPC_E_FORKED, status_of_call([&] { push(writer, 1); }));
    CircularBufferReader reader(name);  // its own works
    EXPECT_EQ(pop(reader, 3), Numbers{});
  });
  child.join();
  push(writer, 2);
  EXPECT_EQ(writer.status().pushed, 1u);
}

// Nobody will write what such a reader has open: a next writer makes another buffer.
TEST(CircularBuffer, readers_are_told_that_a_killed_writers_buffer_was_removed) {
  NEEDS_PROCESSES();
  const auto told_after = [](const std::function<void(const std::string&)>& remove) {
    const std::string name = unique_name("circular");
    Signal ready;
    Companion victim(Place::kProcess, [&] {
      CircularBufferWriter writer(name, {.item_size = 8, .length = 5});
      writer.push_int(1);
      writer.push_int(2);
      ready.set();
      wait_to_be_killed();
    });
    ready.wait();
    const auto writer_pid = static_cast<std::uint32_t>(victim.pid());
    CircularBufferReader reader(name);
    victim.kill();
    EXPECT_EQ(reader.status().writer_pid, writer_pid);
    remove(name);
    EXPECT_FILES(0u, name);
    EXPECT_EQ(reader.status().writer_pid, 0u);
    EXPECT_EQ(reader.pop_int(), 1u) << "what is there can still be had";
    EXPECT_EQ(reader.status().available, 1u);
  };
  told_after([](const std::string&) {
    std::size_t removed = 0;
    EXPECT_OK(smipc_clean_stale(&removed));
  });
  told_after([](const std::string& name) {
    EXPECT_OK(smipc_circular_buffer_unlink(name.data(), name.size()));
  });
}

TEST(CircularBuffer, clean_stale_removes_what_a_killed_writer_left) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("circular");
  Signal ready;
  Companion victim(Place::kProcess, [&] {
    CircularBufferWriter writer(name);
    ready.set();
    wait_to_be_killed();
  });
  ready.wait();
  std::size_t removed = 0;
  ASSERT_OK(smipc_clean_stale(&removed));
  EXPECT_FILES(1u, name);
  victim.kill();
  ASSERT_OK(smipc_clean_stale(&removed));
  EXPECT_GE(removed, 1u);
  EXPECT_FILES(0u, name);
}

}  // namespace
}  // namespace smipc::test
