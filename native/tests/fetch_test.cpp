// Fetching for bindings: lists in Python's marshal form, and who has what when a reader vanishes in
// the middle of one.
#include <atomic>

#include "support.hpp"

namespace smipc::test {
namespace {

using Message = std::vector<unsigned char>;

void put_u32(Message& out, unsigned char tag, std::size_t value) {
  out.push_back(tag);
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<unsigned char>(value >> (8 * i)));
}

Message list_of(const std::vector<Message>& messages) {
  Message blob;
  put_u32(blob, '[', messages.size());
  for (const Message& message : messages) {
    put_u32(blob, 's', message.size());
    blob.insert(blob.end(), message.begin(), message.end());
  }
  return blob;
}

std::size_t get_u32(const unsigned char* at, unsigned char tag) {
  EXPECT_EQ(tag, at[0]);
  return static_cast<std::size_t>(at[1]) | static_cast<std::size_t>(at[2]) << 8 |
         static_cast<std::size_t>(at[3]) << 16 | static_cast<std::size_t>(at[4]) << 24;
}

std::vector<Message> parse_list(const smipc_fetch_area& area, std::size_t size) {
  const auto* at = static_cast<const unsigned char*>(area.data);
  const unsigned char* const end = at + size;
  std::vector<Message> messages(get_u32(at, '['));
  at += 5;
  for (Message& message : messages) {
    const std::size_t length = get_u32(at, 's');
    message.assign(at + 5, at + 5 + length);
    at += 5 + length;
  }
  EXPECT_EQ(end, at);
  return messages;
}

// A reader as a binding is one: fetches, and hands out one by one.
class Fetcher {
 public:
  explicit Fetcher(smipc_channel* reader) : reader_(reader) {
    EXPECT_OK(smipc_channel_fetch_open(reader, &area_));
    EXPECT_GE(area_.size, 64u * 1024);
  }

  // The result of fetch, and what it brought in `fetched`.
  std::int64_t fetch(std::int64_t timeout_ns) {
    fetched.clear();
    const std::int64_t result = smipc_channel_fetch(reader_, timeout_ns);
    if (result < 0) return result;
    const auto size = static_cast<std::size_t>(result & 0xffff'ffff'ffff);
    switch (result >> SMIPC_FETCH_KIND_SHIFT) {
      case SMIPC_FETCH_ONE:
        fetched.emplace_back(static_cast<unsigned char*>(area_.data),
                             static_cast<unsigned char*>(area_.data) + size);
        break;
      case SMIPC_FETCH_LIST:
        fetched = parse_list(area_, size);
        EXPECT_GE(fetched.size(), 2u);
        EXPECT_LE(fetched.size(), 255u);
        break;
      default:
        EXPECT_EQ(SMIPC_FETCH_LARGE, result >> SMIPC_FETCH_KIND_SHIFT);
        fetched.emplace_back(size);
        EXPECT_OK(smipc_channel_recv(reader_, fetched[0].data(), size, kLong, &large_));
        EXPECT_EQ(size, large_);
    }
    return result;
  }

  void hand_out(std::size_t count) { *area_.taken = static_cast<std::uint16_t>(count); }

  std::vector<Message> fetched;

 private:
  smipc_channel* reader_;
  smipc_fetch_area area_ = {};
  std::size_t large_ = 0;
};

class Fetch : public testing::TestWithParam<Place> {};
INSTANTIATE_TEST_SUITE_P(Between, Fetch, places(), place_name);

TEST_P(Fetch, lists_carry_messages_of_all_sizes_in_order) {
  constexpr std::size_t kCount = kSanitized ? 2000 : 30'000;
  for (std::uint64_t capacity : {20u, 1000u, 65'536u, 1'000'000u}) {
    const std::string name = unique_name("lists");
    const auto size_of = [](Random& random) {
      const std::size_t kinds[] = {20, 20, 20, 300, 3000};
      const std::size_t most = random.below(500) == 0 ? 150'000 : kinds[random.below(5)];
      return random.below(most + 1);
    };
    End reader(name, SMIPC_READER, capacity);
    const std::size_t count = capacity < 100 ? kCount / 20 : kCount;
    Companion other(GetParam(), [&] {
      End writer(name, SMIPC_WRITER, capacity);
      Random sizes(1);
      Random batches(2);
      for (std::uint64_t i = 0; i < count;) {
        std::vector<Message> messages;
        for (std::size_t n = batches.below(200); n > 0 && i < count; --n, ++i) {
          messages.push_back(pattern(size_of(sizes), i));
        }
        const Message blob = list_of(messages);
        std::size_t index = 0;
        ASSERT_OK(smipc_channel_send_list(writer, blob.data(), blob.size(), kLong, &index));
        ASSERT_EQ(messages.size(), index);
      }
      EXPECT_OK(smipc_channel_flush(writer, kLong));
    });
    Fetcher fetcher(reader);
    Random sizes(1);
    for (std::uint64_t i = 0; i < count;) {
      ASSERT_GE(fetcher.fetch(kLong), 0) << smipc_last_error();
      for (std::size_t n = 0; n < fetcher.fetched.size(); ++n, ++i) {
        fetcher.hand_out(n + 1);
        ASSERT_EQ(size_of(sizes), fetcher.fetched[n].size()) << i;
        expect_pattern(fetcher.fetched[n].data(), fetcher.fetched[n].size(), i);
      }
    }
    EXPECT_EQ(SMIPC_E_OPPOSITE_CLOSED, fetcher.fetch(kLong));
    other.join();
  }
}

TEST(FetchList, takes_at_most_a_quarter_of_the_ring_and_255_messages) {
  Pair pair("quarter", 4088);
  for (std::uint64_t i = 0; i < 128; ++i) send(pair.writer, pattern(24, i));
  Fetcher fetcher(pair.reader);
  EXPECT_GE(fetcher.fetch(0), 0);
  EXPECT_EQ(32u, fetcher.fetched.size());
  Pair large("many", 1'000'000);
  for (std::uint64_t i = 0; i < 1000; ++i) send(large.writer, pattern(8, i));
  Fetcher many(large.reader);
  EXPECT_GE(many.fetch(0), 0);
  EXPECT_EQ(255u, many.fetched.size());
}

TEST(FetchList, without_an_area_or_when_nothing_is_there) {
  Pair pair("empty", 100);
  EXPECT_STATUS(SMIPC_E_INVALID, static_cast<smipc_status>(smipc_channel_fetch(pair.reader, 0)));
  Fetcher fetcher(pair.reader);
  EXPECT_EQ(SMIPC_E_TIMED_OUT, fetcher.fetch(0));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, fetcher.fetch(kShort));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, smipc_channel_fetch_wait(pair.reader));
  send(pair.writer, {});
  EXPECT_EQ(0, fetcher.fetch(0)) << "one empty message";
  EXPECT_EQ(1u, fetcher.fetched.size());
}

TEST(FetchList, one_message_is_taken_at_once) {
  Pair pair("one", 100);
  send(pair.writer, pattern(20, 1));
  Fetcher fetcher(pair.reader);
  EXPECT_EQ(20, fetcher.fetch(0));
  expect_pattern(fetcher.fetched[0].data(), 20, 1);
  EXPECT_EQ(0u, status_of(pair.writer).used_bytes);
  EXPECT_OK(smipc_channel_flush(pair.writer, 0));
}

// The tail that the writer polls is then behind what is taken by more than the channel holds.
TEST(FetchList, the_writer_goes_on_when_two_messages_that_fill_the_channel_are_handed_out) {
  Pair pair("halves", 4000);
  send(pair.writer, pattern(100, 0));
  recv(pair.reader);  // less than the reader publishes its tail for
  const auto limit = static_cast<std::size_t>(status_of(pair.writer).limit_bytes);
  const std::size_t half = limit / 2 / 8 * 8 - 8;
  send(pair.writer, pattern(half, 1));
  send(pair.writer, pattern(half, 2));
  Fetcher fetcher(pair.reader);
  EXPECT_GE(fetcher.fetch(0), 0);
  ASSERT_EQ(2u, fetcher.fetched.size());
  fetcher.hand_out(2);
  for (std::uint64_t i = 3; i < 5; ++i) send(pair.writer, pattern(half, i));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_try_send(pair.writer, "more", 4));
  for (std::uint64_t i = 3; i < 5; ++i) {
    EXPECT_EQ(pattern(half, i), recv(pair.reader));
  }
}

TEST(FetchList, flush_waits_until_the_list_is_handed_out) {
  Pair pair("flush", 1000);
  for (std::uint64_t i = 0; i < 3; ++i) send(pair.writer, pattern(20, i));
  Fetcher fetcher(pair.reader);
  EXPECT_GE(fetcher.fetch(0), 0);
  ASSERT_EQ(3u, fetcher.fetched.size());
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_flush(pair.writer, 0));
  fetcher.hand_out(2);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_flush(pair.writer, 0));
  fetcher.hand_out(3);
  EXPECT_OK(smipc_channel_flush(pair.writer, 0));
}

// However the reader went, its successor begins behind what was handed out.
void expect_successor_begins_at(const std::string& name, std::uint64_t first, std::uint64_t last) {
  End successor(name, SMIPC_READER, 1);
  for (std::uint64_t i = first; i < last; ++i) {
    const Message data = recv(successor);
    ASSERT_EQ(20 + i % 7, data.size());
    expect_pattern(data.data(), data.size(), i);
  }
  Message data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(successor, &data));
}

TEST(FetchList, a_reader_that_closes_leaves_what_it_did_not_hand_out) {
  for (std::size_t handed = 0; handed <= 10; ++handed) {
    Pair pair("closes", 10'000);
    for (std::uint64_t i = 0; i < 20; ++i) send(pair.writer, pattern(20 + i % 7, i));
    Fetcher fetcher(pair.reader);
    EXPECT_GE(fetcher.fetch(0), 0);
    ASSERT_GE(fetcher.fetched.size(), 10u);
    fetcher.hand_out(handed);
    pair.reader.reset();
    expect_successor_begins_at(pair.name, handed, 20);
  }
}

TEST(FetchList, a_killed_reader_leaves_what_it_did_not_hand_out) {
  NEEDS_PROCESSES();
  for (std::size_t handed = 0; handed <= 10; ++handed) {
    const std::string name = unique_name("killed");
    End writer(name, SMIPC_WRITER, 10'000);
    for (std::uint64_t i = 0; i < 20; ++i) send(writer, pattern(20 + i % 7, i));
    Signal ready;
    Companion other(Place::kProcess, [&] {
      End reader(name, SMIPC_READER, 1);
      Fetcher fetcher(reader);
      EXPECT_GE(fetcher.fetch(kLong), 0);
      EXPECT_GE(fetcher.fetched.size(), 10u);
      fetcher.hand_out(handed);
      ready.set();
      wait_to_be_killed();
    });
    ready.wait();
    other.kill();
    expect_successor_begins_at(name, handed, 20);
  }
}

// The writer may not use room that a successor's walk over the list still reads.
TEST(FetchList, a_writer_that_goes_on_while_a_list_is_handed_out_harms_nobody) {
  NEEDS_PROCESSES();
  for (bool kill : {false, true}) {
    for (std::size_t handed : {0u, 1u, 5u, 20u}) {
      const std::string name = unique_name("goes-on");
      constexpr std::uint64_t kCapacity = 4088;  // with its header exactly a page: no slack
      End writer(name, SMIPC_WRITER, kCapacity);
      std::uint64_t sent = 0;
      const auto send_all_that_fits = [&] {
        for (;; ++sent) {
          const Message data = pattern(20 + sent % 7, sent);
          const smipc_status status = smipc_channel_send(writer, data.data(), data.size(), 0);
          if (status == SMIPC_E_TIMED_OUT) return;
          ASSERT_OK(status);
        }
      };
      send_all_that_fits();
      Signal ready;
      Signal go;
      Companion other(kill ? Place::kProcess : Place::kThread, [&] {
        End reader(name, SMIPC_READER, 1);
        Fetcher fetcher(reader);
        EXPECT_GE(fetcher.fetch(kLong), 0);
        EXPECT_GE(fetcher.fetched.size(), 20u);
        fetcher.hand_out(handed);
        ready.set();
        go.wait();
      });
      ready.wait();
      send_all_that_fits();
      if (kill) {
        other.kill();
      } else {
        go.set();
        other.join();
      }
      expect_successor_begins_at(name, handed, sent);
    }
  }
}

TEST(FetchList, a_writer_that_comes_back_while_a_list_is_handed_out_goes_on) {
  Pair pair("writer-back", 4088);
  std::uint64_t sent = 0;
  for (; smipc_channel_try_send(pair.writer, pattern(24, sent).data(), 24) == SMIPC_OK; ++sent) {
  }
  Fetcher fetcher(pair.reader);
  EXPECT_GE(fetcher.fetch(0), 0);
  fetcher.hand_out(10);
  for (; smipc_channel_try_send(pair.writer, pattern(24, sent).data(), 24) == SMIPC_OK; ++sent) {
  }
  pair.writer.reset();
  pair.writer = End(pair.name, SMIPC_WRITER, 1);
  fetcher.hand_out(20);
  for (; smipc_channel_try_send(pair.writer, pattern(24, sent).data(), 24) == SMIPC_OK; ++sent) {
  }
  std::uint64_t received = 0;
  do {
    for (const Message& message : fetcher.fetched) {
      expect_pattern(message.data(), message.size(), received++);
    }
  } while (fetcher.fetch(0) >= 0);
  EXPECT_EQ(sent, received);
}

TEST(SendList, goes_on_at_the_index_where_it_stopped) {
  Pair pair("index", 100);  // seven messages of 8 bytes
  std::vector<Message> messages;
  for (std::uint64_t i = 0; i < 20; ++i) messages.push_back(pattern(8, i));
  const Message blob = list_of(messages);
  std::size_t index = 0;
  std::uint64_t received = 0;
  for (int round = 0; round < 3; ++round) {
    const smipc_status status =
        smipc_channel_send_list(pair.writer, blob.data(), blob.size(), 0, &index);
    EXPECT_STATUS(round < 2 ? SMIPC_E_TIMED_OUT : SMIPC_OK, status);
    EXPECT_EQ(std::min<std::size_t>(20, 7 * (static_cast<std::size_t>(round) + 1)), index);
    Message data;
    while (try_recv(pair.reader, &data) == SMIPC_OK) expect_pattern(data.data(), 8, received++);
  }
  EXPECT_EQ(20u, received);
  EXPECT_OK(smipc_channel_send_list(pair.writer, blob.data(), blob.size(), 0, &index));
  EXPECT_EQ(20u, index);
}

TEST(SendList, that_waits_says_how_many_have_gone_or_why_none_has) {
  Pair pair("howmany", 100);  // seven messages of 8 bytes
  std::vector<Message> messages;
  for (std::uint64_t i = 0; i < 20; ++i) messages.push_back(pattern(8, i));
  const Message blob = list_of(messages);
  EXPECT_EQ(7, smipc_channel_send_list_wait(pair.writer, blob.data(), blob.size()));
  EXPECT_EQ(SMIPC_E_TIMED_OUT, smipc_channel_send_list_wait(pair.writer, blob.data(), blob.size()));
  Message data;
  for (std::uint64_t i = 0; i < 7; ++i) {
    ASSERT_OK(try_recv(pair.reader, &data));
    expect_pattern(data.data(), 8, i);
  }
  EXPECT_EQ(SMIPC_E_TIMED_OUT, try_recv(pair.reader, &data));
}

TEST(SendList, an_empty_list_sends_nothing) {
  Pair pair("nothing", 100);
  const Message blob = list_of({});
  std::size_t index = 0;
  EXPECT_EQ(0, smipc_channel_send_list_wait(pair.writer, blob.data(), blob.size()));
  EXPECT_OK(smipc_channel_send_list(pair.writer, blob.data(), blob.size(), 0, &index));
  EXPECT_EQ(0u, index);
  EXPECT_EQ(0u, status_of(pair.writer).used_bytes);
}

}  // namespace
}  // namespace smipc::test
