// Opening ends: names, capacities, options, who may take which role, and how long a channel lives.
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

smipc_status open_with(const smipc_channel_options& options, const std::string& name,
                       smipc_channel** out) {
  return smipc_channel_open(name.data(), name.size(), SMIPC_READER, 64, &options, out);
}

TEST(Open, without_options_a_channel_is_a_hybrid_stream) {
  const std::string name = unique_name("defaults");
  smipc_channel* channel = nullptr;
  ASSERT_OK(smipc_channel_open(name.data(), name.size(), SMIPC_WRITER, 20, nullptr, &channel));
  const smipc_channel_status status = status_of(channel);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_WRITER), status.mode);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_STREAM), status.framing);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_WAIT_HYBRID), status.wait);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_LIFETIME_PROCESS), status.lifetime);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_ACCESS_USER), status.access);
  EXPECT_EQ(20u, status.capacity_bytes);
  smipc_channel_free(channel);
}

TEST(Open, options_init_sets_every_field) {
  smipc_channel_options options;
  std::memset(&options, 0xff, sizeof options);
  smipc_channel_options_init(&options);
  EXPECT_EQ(sizeof options, options.struct_size);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_STREAM), options.framing);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_WAIT_HYBRID), options.wait);
  EXPECT_EQ(0u, options.lifetime);
  EXPECT_EQ(0u, options.access);
  EXPECT_EQ(0u, options.reserved);
  smipc_channel_options_init(nullptr);
}

TEST(Open, options_of_an_older_caller_get_defaults_for_the_rest) {
  const std::string name = unique_name("older");
  smipc_channel_options options;
  smipc_channel_options_init(&options);
  options.framing = SMIPC_MESSAGE;
  options.wait = 77;  // behind what the caller knows of: must not be read
  options.access = 77;
  options.struct_size = 8;
  smipc_channel* channel = nullptr;
  ASSERT_OK(open_with(options, name, &channel));
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), status_of(channel).framing);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_WAIT_HYBRID), status_of(channel).wait);
  smipc_channel_free(channel);
}

TEST(Open, options_of_a_newer_caller_are_read_as_far_as_they_are_known) {
  const std::string name = unique_name("newer");
  struct {
    smipc_channel_options known;
    std::uint32_t unknown[4];
  } options = {};
  smipc_channel_options_init(&options.known);
  options.known.framing = SMIPC_MESSAGE;
  options.known.struct_size = sizeof options;
  options.unknown[0] = 5;
  smipc_channel* channel = nullptr;
  ASSERT_OK(open_with(options.known, name, &channel));
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), status_of(channel).framing);
  smipc_channel_free(channel);
}

TEST(Open, options_out_of_range_are_refused_with_their_value) {
  const std::string name = unique_name("options");
  smipc_channel_options fine;
  smipc_channel_options_init(&fine);
  for (std::uint32_t smipc_channel_options::* field :
       {&smipc_channel_options::framing, &smipc_channel_options::wait,
        &smipc_channel_options::lifetime, &smipc_channel_options::access,
        &smipc_channel_options::reserved}) {
    smipc_channel_options options = fine;
    options.*field = 4711;
    smipc_channel* channel = reinterpret_cast<smipc_channel*>(1);
    EXPECT_STATUS(SMIPC_E_INVALID, open_with(options, name, &channel));
    EXPECT_EQ(nullptr, channel);
    const std::string text = smipc_last_error();
    EXPECT_NE(std::string::npos, text.find("4711")) << text;
    EXPECT_NE(std::string::npos, text.find(name)) << text;
  }
  for (std::uint32_t size : {0u, 3u, 0xffffffffu}) {
    smipc_channel_options options = fine;
    options.struct_size = size;
    smipc_channel* channel = nullptr;
    EXPECT_STATUS(SMIPC_E_INVALID, open_with(options, name, &channel)) << size;
  }
}

TEST(Open, any_name_of_1_to_200_bytes_works) {
  const std::string unique = unique_name("n");
  std::vector<std::string> names = {
      std::string(1, static_cast<char>('!' + process_id() % 90)),  // the only one not unique
      unique + "/../../etc/passwd",
      unique + "/",
      "/" + unique,
      "." + unique,
      unique + " \t\n",
      unique + "\xff\xfe\x80",
      unique + "\xc3\xa4\xe2\x82\xac",
      unique + "%s%n"};
  std::string longest = unique;
  longest.resize(SMIPC_MAX_NAME, '\x7f');
  names.push_back(longest);
  longest.back() = 'a';  // differs in the last byte only
  names.push_back(longest);
  std::vector<End> writers;
  std::vector<End> readers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    writers.emplace_back(names[i], SMIPC_WRITER, 100);
    send(writers.back(), pattern(20, i));
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    readers.emplace_back(names[i], SMIPC_READER, 100);
    expect_pattern(recv(readers.back()).data(), 20, i);
  }
}

TEST(Open, names_of_no_or_too_many_bytes_or_with_a_nul_are_refused) {
  smipc_channel* channel = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, try_open("", SMIPC_READER, 10, {}, &channel));
  const std::string long_name(SMIPC_MAX_NAME + 1, 'x');
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(long_name, SMIPC_READER, 10, {}, &channel));
  EXPECT_NE(std::string::npos, std::string(smipc_last_error()).find("201"));
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(std::string("a\0b", 3), SMIPC_READER, 10, {}, &channel));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_open(nullptr, 5, 0, 10, nullptr, &channel));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_unlink(nullptr, 5));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_unlink("", 0));
  EXPECT_EQ(nullptr, channel);
}

TEST(Open, capacities_of_0_or_beyond_the_limit_are_refused) {
  const std::string name = unique_name("capacity");
  smipc_channel* channel = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(name, SMIPC_READER, 0, {}, &channel));
  EXPECT_STATUS(SMIPC_E_INVALID,
                try_open(name, SMIPC_READER, SMIPC_MAX_CAPACITY + 1, {}, &channel));
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(name, SMIPC_READER, UINT64_MAX, {}, &channel));
  EXPECT_STATUS(SMIPC_E_NO_SPACE, try_open(name, SMIPC_READER, SMIPC_MAX_CAPACITY, {}, &channel));
  const std::string text = smipc_last_error();
  EXPECT_NE(std::string::npos, text.find(name)) << text;
  EXPECT_NE(std::string::npos, text.find("109951")) << text;  // 2^40 and the header
  EXPECT_FILES(0u, name);
}

// What a channel takes beside its capacity: where memory is mapped in steps of 64 KiB, two of them.
#if defined(_WIN32)
constexpr std::uint64_t kOverhead = 128 * 1024;
#else
constexpr std::uint64_t kOverhead = 16 * 1024;
#endif

TEST(Open, the_second_end_takes_the_capacity_of_the_first) {
  const std::string name = unique_name("second");
  for (std::uint32_t framing : {SMIPC_STREAM, SMIPC_MESSAGE}) {
    End writer(name, SMIPC_WRITER, 21, {.framing = framing});
    End reader(name, SMIPC_READER, 1'000'000, {.framing = framing});
    EXPECT_EQ(21u, status_of(reader).capacity_bytes);
    EXPECT_LE(status_of(reader).memory_bytes, 21u + kOverhead);
  }
}

TEST(Open, a_second_writer_or_reader_is_refused_with_the_holders_pid) {
  Pair pair("taken", 100);
  for (std::uint32_t mode : {SMIPC_WRITER, SMIPC_READER}) {
    smipc_channel* channel = nullptr;
    EXPECT_STATUS(SMIPC_E_END_TAKEN, try_open(pair.name, mode, 100, {}, &channel));
    EXPECT_EQ(nullptr, channel);
    const std::string text = smipc_last_error();
    EXPECT_NE(std::string::npos, text.find(std::to_string(process_id()))) << text;
    EXPECT_NE(std::string::npos, text.find(pair.name)) << text;
  }
  send(pair.writer, pattern(50, 1));
  expect_pattern(recv(pair.reader).data(), 50, 1);
}

TEST(Open, the_framing_has_to_match) {
  const std::string name = unique_name("framing");
  for (std::uint32_t framing : {SMIPC_STREAM, SMIPC_MESSAGE}) {
    End writer(name, SMIPC_WRITER, 100, {.framing = framing});
    smipc_channel* channel = nullptr;
    EXPECT_STATUS(SMIPC_E_WRONG_FRAMING,
                  try_open(name, SMIPC_READER, 100, {.framing = 1 - framing}, &channel));
  }
}

TEST(Open, a_channel_goes_with_its_last_end) {
  const std::string name = unique_name("last");
  for (bool writer_first : {true, false}) {
    End writer(name, SMIPC_WRITER, 100);
    End reader(name, SMIPC_READER, 100);
    send(writer, pattern(10, 1));
    writer_first ? writer.reset() : reader.reset();
    EXPECT_FILES(1u, name);
    writer_first ? reader.reset() : writer.reset();
    EXPECT_FILES(0u, name);
  }
  End reader(name, SMIPC_READER, 100);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(reader, &data));
}

TEST(Open, an_end_that_comes_back_goes_on_where_it_left_off) {
  Pair pair("back", 1000);
  for (std::uint64_t i = 0; i < 5; ++i) send(pair.writer, pattern(60 + i, i));
  expect_pattern(recv(pair.reader).data(), 60, 0);
  pair.reader.reset();
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, smipc_channel_send(pair.writer, "x", 1, 0));
  pair.reader = End(pair.name, SMIPC_READER, 1);
  expect_pattern(recv(pair.reader).data(), 61, 1);
  send(pair.writer, pattern(65, 5));
  pair.writer.reset();
  pair.writer = End(pair.name, SMIPC_WRITER, 1);
  send(pair.writer, pattern(66, 6));
  for (std::uint64_t i = 2; i < 7; ++i) expect_pattern(recv(pair.reader).data(), 60 + i, i);
  EXPECT_EQ(7u, status_of(pair.reader).messages_written);
  EXPECT_EQ(7u, status_of(pair.reader).messages_read);
}

TEST(Open, a_stream_that_comes_back_goes_on_where_it_left_off) {
  Pair pair("stream-back", 20, stream());
  const std::vector<unsigned char> data = pattern(18, 1);
  unsigned char got[18];
  EXPECT_OK(smipc_channel_write(pair.writer, data.data(), 10, 0, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, got, 3, 0));
  pair.reader.reset();
  pair.reader = End(pair.name, SMIPC_READER, 1, stream());
  EXPECT_OK(smipc_channel_read(pair.reader, got + 3, 4, 0));
  pair.writer.reset();
  pair.writer = End(pair.name, SMIPC_WRITER, 1, stream());
  EXPECT_OK(smipc_channel_write(pair.writer, data.data() + 10, 8, 0, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, got + 7, 11, 0));
  expect_pattern(got, 18, 1);
}

TEST(Open, lifetime_kernel_outlives_its_ends_until_unlink) {
  const std::string name = unique_name("kernel");
  const Settings kernel = {.lifetime = SMIPC_LIFETIME_KERNEL};
  {
    End writer(name, SMIPC_WRITER, 1000, kernel);
    send(writer, pattern(100, 1));
    send(writer, pattern(200, 2));
  }
  EXPECT_FILES(1u, name);
  {
    End reader(name, SMIPC_READER, 1);  // lifetime counts at creation
    EXPECT_EQ(1000u, status_of(reader).capacity_bytes);
    expect_pattern(recv(reader).data(), 100, 1);
  }
  {
    End reader(name, SMIPC_READER, 1);
    expect_pattern(recv(reader).data(), 200, 2);
    std::vector<unsigned char> data;
    EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(reader, &data));
  }
  EXPECT_OK(smipc_channel_unlink(name.data(), name.size()));
  EXPECT_FILES(0u, name);
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, smipc_channel_unlink(name.data(), name.size()));
}

TEST(Open, after_unlink_the_ends_go_on_and_the_name_is_free) {
  Pair pair("unlink", 100);
  send(pair.writer, pattern(10, 1));
  EXPECT_OK(smipc_channel_unlink(pair.name.data(), pair.name.size()));
  EXPECT_FILES(0u, pair.name);
  End other_reader(pair.name, SMIPC_READER, 100);
  send(pair.writer, pattern(20, 2));
  expect_pattern(recv(pair.reader).data(), 10, 1);
  expect_pattern(recv(pair.reader).data(), 20, 2);
  std::vector<unsigned char> data;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, try_recv(other_reader, &data));
  pair.writer.reset();
  EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, try_recv(pair.reader, &data));
  EXPECT_FILES(1u, pair.name) << "the new channel's file";
}

TEST(Open, a_thousand_times_leaves_nothing) {
  const std::string name = unique_name("often");
  for (int i = 0; i < 1000; ++i) {
    End writer(name, SMIPC_WRITER, 100);
    End reader(name, SMIPC_READER, 100);
  }
  EXPECT_FILES(0u, name);
}

}  // namespace
}  // namespace smipc::test
