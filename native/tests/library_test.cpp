// What is about no channel in particular: versions, statuses, errors, the log, cleaning.
#include <algorithm>
#include <set>

#include "support.hpp"

namespace smipc::test {
namespace {

constexpr smipc_status kLastStatus = SMIPC_E_INTERNAL;

TEST(Library, versions_are_those_of_the_header) {
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_ABI_VERSION), smipc_abi_version());
  int numbers[3];
  char rest;
  EXPECT_EQ(
      3, std::sscanf(smipc_version(), "%d.%d.%d%c", &numbers[0], &numbers[1], &numbers[2], &rest));
}

TEST(Library, every_status_has_a_name_and_a_sentence_of_its_own) {
  std::set<std::string> names;
  std::set<std::string> sentences;
  for (smipc_status status = 0; status >= kLastStatus; --status) {
    const std::string name = smipc_status_name(status);
    EXPECT_EQ(0u, name.rfind(status == 0 ? "SMIPC_OK" : "SMIPC_E_", 0)) << status << ": " << name;
    EXPECT_TRUE(names.insert(name).second) << name << " stands for two statuses";
    EXPECT_TRUE(sentences.insert(smipc_status_message(status)).second) << status;
  }
  EXPECT_EQ(0u, names.count("SMIPC_E_UNKNOWN"));
  EXPECT_STREQ("SMIPC_E_TIMED_OUT", smipc_status_name(SMIPC_E_TIMED_OUT));
  EXPECT_STREQ("SMIPC_E_INTERNAL", smipc_status_name(SMIPC_E_INTERNAL));
  for (smipc_status status : {1, 7, INT32_MAX, kLastStatus - 1, -1000, INT32_MIN}) {
    EXPECT_STREQ("SMIPC_E_UNKNOWN", smipc_status_name(status)) << status;
    EXPECT_STRNE("", smipc_status_message(status)) << status;
  }
}

TEST(Library, the_last_error_belongs_to_the_thread) {
  const std::string name = unique_name("threads-error");
  smipc_channel* channel = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(name, 7, 10, {}, &channel));
  const std::string ours = smipc_last_error();
  EXPECT_NE(std::string::npos, ours.find(name)) << ours;
  EXPECT_NE(std::string::npos, ours.find('7')) << ours;
  std::thread([] {
    EXPECT_STREQ("", smipc_last_error());
    EXPECT_STATUS(SMIPC_E_INVALID, smipc_init(99));
    EXPECT_NE(std::string::npos, std::string(smipc_last_error()).find("99"));
  }).join();
  EXPECT_EQ(ours, smipc_last_error());
  End fine(name, SMIPC_READER, 10);
  EXPECT_EQ(ours, smipc_last_error()) << "a call that works changes nothing";
}

TEST(Library, a_name_that_cannot_be_printed_is_escaped_in_errors) {
  const std::string name = unique_name("bytes") + "\n\x01\xff'\\";
  smipc_channel* channel = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, try_open(name, 7, 10, {}, &channel));
  const std::string text = smipc_last_error();
  EXPECT_NE(std::string::npos, text.find("\\x0a\\x01\\xff\\x27\\\\'")) << text;
  EXPECT_EQ(std::string::npos, text.find('\n')) << "one line";
}

TEST(Library, a_log_level_out_of_range_is_refused) {
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_init(-1));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_init(SMIPC_LOG_ALL + 1));
  EXPECT_OK(smipc_init(SMIPC_LOG_DISABLE));
}

std::string log_of(int level, const std::function<void()>& what) {
  testing::internal::CaptureStderr();
  EXPECT_OK(smipc_init(level));
  what();
  EXPECT_OK(smipc_init(SMIPC_LOG_DISABLE));
  return testing::internal::GetCapturedStderr();
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Library, the_log_tells_of_openings_or_of_everything) {
  const std::string name = unique_name("log");
  const auto one_message = [&name] {
    End writer(name, SMIPC_WRITER, 64);
    End reader(name, SMIPC_READER, 64);
    send(writer, pattern(17, 1));
    char buffer[64];
    std::size_t size = 0;
    EXPECT_OK(smipc_channel_recv(reader, buffer, sizeof buffer, 0, &size));
  };
  EXPECT_EQ("", log_of(SMIPC_LOG_DISABLE, one_message));
  const std::string basic = log_of(SMIPC_LOG_BASIC, one_message);
  EXPECT_EQ(4u, count_lines(basic)) << basic;
  EXPECT_NE(std::string::npos, basic.find(name)) << basic;
  const std::string all = log_of(SMIPC_LOG_ALL, one_message);
  EXPECT_EQ(6u, count_lines(all)) << all;
  EXPECT_NE(std::string::npos, all.find("17 bytes")) << all;
}

TEST(Library, the_log_level_may_change_while_channels_are_open) {
  Pair before("log-before", 64);
  std::vector<Pair> after;
  const auto use_both = [&] {
    for (Pair* pair : {&before, &after[0]}) {
      send(pair->writer, pattern(5, 1));
      recv(pair->reader);
    }
  };
  // SMIPC_LOG_ALL counts for channels opened afterwards.
  EXPECT_NE("", log_of(SMIPC_LOG_ALL, [&] { after.emplace_back("log-after", 64); }));
  EXPECT_EQ("", log_of(SMIPC_LOG_DISABLE, use_both));
  EXPECT_EQ("", log_of(SMIPC_LOG_BASIC, use_both));
  const std::string all = log_of(SMIPC_LOG_ALL, use_both);
  EXPECT_NE(std::string::npos, all.find("log-after")) << all;
}

TEST(Library, clean_closes_every_end_and_the_handles_stay) {
  Pair message_pair("clean-a", 100);
  Pair stream_pair("clean-b", 100, stream());
  EXPECT_OK(smipc_clean());
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_channel_send(message_pair.writer, "x", 1, 0));
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_channel_write(stream_pair.writer, "x", 1, 0, nullptr));
  EXPECT_EQ(0u, status_of(message_pair.reader).is_open);
  EXPECT_FILES(0u, message_pair.name);
  EXPECT_OK(smipc_clean());
  EXPECT_OK(smipc_channel_close(message_pair.writer));
}

TEST(Library, clean_leaves_a_channel_whose_other_end_is_in_another_process) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("clean-other");
  End reader(name, SMIPC_READER, 100);
  Signal opened;
  Signal cleaned;
  Signal told;
  Signal back;
  Companion other(Place::kProcess, [&] {
    End writer(name, SMIPC_WRITER, 100);
    opened.set();
    cleaned.wait();
    EXPECT_STATUS(SMIPC_E_OPPOSITE_CLOSED, smipc_channel_send(writer, "x", 1, 0));
    told.set();
    back.wait();
    EXPECT_OK(smipc_channel_send(writer, "again", 5, 0));
    EXPECT_OK(smipc_channel_flush(writer, kLong));
  });
  opened.wait();
  EXPECT_OK(smipc_clean());
  cleaned.set();
  told.wait();
  EXPECT_FILES(1u, name);
  reader = End(name, SMIPC_READER, 100);
  back.set();
  const std::vector<unsigned char> data = recv(reader);
  EXPECT_EQ("again", std::string(data.begin(), data.end()));
  other.join();
}

TEST(Library, clean_stale_removes_what_killed_processes_left) {
  NEEDS_PROCESSES();
  const std::string dead = unique_name("stale-dead");
  const std::string alive = unique_name("stale-alive");
  const std::string kernel = unique_name("stale-kernel");
  End living(alive, SMIPC_READER, 100);
  Signal opened;
  Companion other(Place::kProcess, [&] {
    End writer(dead, SMIPC_WRITER, 100);
    End reader(dead, SMIPC_READER, 100);
    End kept(kernel, SMIPC_WRITER, 100, {.lifetime = SMIPC_LIFETIME_KERNEL});
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  EXPECT_FILES(1u, dead);
  other.kill();
  std::size_t removed = 0;
  EXPECT_OK(smipc_clean_stale(&removed));
  EXPECT_FILES(0u, dead);
  EXPECT_FILES(1u, alive);
  EXPECT_FILES(1u, kernel);
  EXPECT_OK(smipc_clean_stale(nullptr));
  EXPECT_OK(smipc_channel_unlink(kernel.data(), kernel.size()));
}

}  // namespace
}  // namespace smipc::test
