// Looking inside: every field of the status, and the line of text.
#include <cinttypes>
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

TEST(Status, of_both_ends_counts_what_has_passed) {
  Pair pair("counts", 100);
  send(pair.writer, pattern(20, 1));
  send(pair.writer, pattern(21, 2));
  recv(pair.reader);
  for (smipc_channel* end :
       {static_cast<smipc_channel*>(pair.writer), static_cast<smipc_channel*>(pair.reader)}) {
    const smipc_channel_status status = status_of(end);
    EXPECT_EQ(sizeof status, status.struct_size);
    EXPECT_EQ(end == pair.writer ? 1u : 0u, status.mode);
    EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), status.framing);
    EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_OPEN), status.writer_state);
    EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_OPEN), status.reader_state);
    EXPECT_EQ(process_id(), status.writer_pid);
    EXPECT_EQ(process_id(), status.reader_pid);
    EXPECT_EQ(0u, status.listener);
    EXPECT_EQ(1u, status.is_open);
    EXPECT_EQ(100u, status.capacity_bytes);
    EXPECT_EQ(112u, status.limit_bytes);
    EXPECT_EQ(32u, status.used_bytes);
    EXPECT_EQ(64u, status.write_cursor);
    EXPECT_EQ(32u, status.read_cursor);
    EXPECT_EQ(2u, status.messages_written);
    EXPECT_EQ(1u, status.messages_read);
    EXPECT_EQ(41u, status.bytes_written);
    EXPECT_EQ(20u, status.bytes_read);
    EXPECT_GE(status.high_water_bytes, 32u);
    EXPECT_LE(status.high_water_bytes, 112u);
    EXPECT_GE(status.memory_bytes, 112u);
    EXPECT_NE(0u, status.segment_handle);
    EXPECT_NE(0u, status.read_event);
    EXPECT_NE(0u, status.write_event);
  }
}

TEST(Status, counts_calls_and_bytes_of_a_stream) {
  Pair pair("stream", 20, stream());
  char buffer[20];
  EXPECT_OK(smipc_channel_write(pair.writer, "1234567", 7, 0, nullptr));
  EXPECT_OK(smipc_channel_write(pair.writer, "89", 2, 0, nullptr));
  EXPECT_OK(smipc_channel_read(pair.reader, buffer, 3, 0));
  const smipc_channel_status status = status_of(pair.writer);
  EXPECT_EQ(20u, status.limit_bytes);
  EXPECT_EQ(9u, status.write_cursor);
  EXPECT_EQ(3u, status.read_cursor);
  EXPECT_EQ(6u, status.used_bytes);
  EXPECT_EQ(2u, status.messages_written);
  EXPECT_EQ(1u, status.messages_read);
  EXPECT_EQ(9u, status.bytes_written);
  EXPECT_EQ(3u, status.bytes_read);
}

TEST(Status, counts_waits_and_the_high_water) {
  Pair pair("waits", 100);
  EXPECT_EQ(0u, status_of(pair.writer).writer_waits);
  send(pair.writer, pattern(100, 1));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_send(pair.writer, "x", 1, kShort));
  EXPECT_EQ(1u, status_of(pair.writer).writer_waits);
  recv(pair.reader);
  char byte;
  std::size_t n = 0;
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_recv(pair.reader, &byte, 1, kShort, &n));
  EXPECT_EQ(1u, status_of(pair.writer).reader_waits);
  EXPECT_EQ(0u, status_of(pair.writer).used_bytes);
  EXPECT_EQ(112u, status_of(pair.writer).high_water_bytes);
}

TEST(Status, tells_how_each_end_is) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("states");
  End writer(name, SMIPC_WRITER, 100);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_ABSENT), status_of(writer).reader_state);
  EXPECT_EQ(0u, status_of(writer).reader_pid);
  Signal opened;
  Signal close;
  Companion closing(Place::kProcess, [&] {
    End reader(name, SMIPC_READER, 100);
    opened.set();
    close.wait();
  });
  opened.wait();
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_OPEN), status_of(writer).reader_state);
  EXPECT_EQ(static_cast<std::uint32_t>(closing.pid()), status_of(writer).reader_pid);
  close.set();
  closing.join();
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_CLOSED), status_of(writer).reader_state);
  Companion dying(Place::kProcess, [&] {
    End reader(name, SMIPC_READER, 100);
    opened.set();
    wait_to_be_killed();
  });
  opened.wait();
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_OPEN), status_of(writer).reader_state);
  dying.kill();
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_END_DIED), status_of(writer).reader_state);
}

TEST(Status, of_a_closed_end_still_tells_what_the_handle_knows) {
  Pair pair("closed", 100);
  EXPECT_OK(smipc_channel_close(pair.reader));
  const smipc_channel_status status = status_of(pair.reader);
  EXPECT_EQ(0u, status.is_open);
  EXPECT_EQ(0u, status.mode);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), status.framing);
  char text[600];
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_status_text(pair.reader, text, sizeof text, &size));
  EXPECT_NE(std::string::npos, std::string(text).find(pair.name));
}

TEST(Status, writes_no_more_than_the_caller_has_room_for) {
  Pair pair("short", 100);
  smipc_channel_status status;
  std::memset(&status, 0xee, sizeof status);
  status.struct_size = 16;
  EXPECT_OK(smipc_channel_get_status(pair.reader, &status));
  EXPECT_EQ(16u, status.struct_size);
  EXPECT_EQ(0u, status.mode);
  EXPECT_EQ(static_cast<std::uint32_t>(SMIPC_MESSAGE), status.framing);
  EXPECT_EQ(0xeeeeeeeeu, status.lifetime);
  EXPECT_EQ(0xeeeeeeeeu, status.writer_state);
  struct {
    smipc_channel_status known;
    std::uint64_t unknown[2];
  } newer = {};
  newer.known.struct_size = sizeof newer;
  newer.unknown[0] = 77;
  EXPECT_OK(smipc_channel_get_status(pair.reader, &newer.known));
  EXPECT_EQ(100u, newer.known.capacity_bytes);
  EXPECT_EQ(77u, newer.unknown[0]);
  status.struct_size = 0;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_get_status(pair.reader, &status));
  status.struct_size = 0xffffffff;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_get_status(pair.reader, &status));
}

std::string text_of(smipc_channel* channel) {
  char text[1000];
  std::size_t size = 0;
  EXPECT_OK(smipc_channel_status_text(channel, text, sizeof text, &size));
  EXPECT_EQ(std::strlen(text), size);
  return text;
}

TEST(StatusText, has_the_form_of_print_status) {
  Pair pair("text", 20, stream());
  EXPECT_OK(smipc_channel_write(pair.writer, "12345", 5, 0, nullptr));
  std::uint64_t handles[3];
  unsigned flags[4];
  char mode;
  char state[16];
  unsigned listener;
  std::uint64_t sizes[3];
  const std::string text = text_of(pair.writer);
  const std::string form = "Channel(" + pair.name +
                           "): mode=%c hSharedMem=0x%" SCNx64
                           " listener=%u syncBuf={RO=%u WO=%u RC=%u WC=%u hREvt=0x%" SCNx64
                           " hWEvt=0x%" SCNx64 " bufSz=%" SCNu64 " rc=%" SCNu64 " wc=%" SCNu64
                           " state=%15[a-z]}";
  EXPECT_EQ(13, std::sscanf(text.c_str(), form.c_str(), &mode, &handles[0], &listener, &flags[0],
                            &flags[1], &flags[2], &flags[3], &handles[1], &handles[2], &sizes[0],
                            &sizes[1], &sizes[2], state))
      << text;
  EXPECT_EQ('W', mode);
  EXPECT_EQ(0u, listener);
  EXPECT_EQ(1u, flags[0]);
  EXPECT_EQ(1u, flags[1]);
  EXPECT_EQ(0u, flags[2]);
  EXPECT_EQ(0u, flags[3]);
  EXPECT_EQ(20u, sizes[0]);
  EXPECT_EQ(0u, sizes[1]);
  EXPECT_EQ(5u, sizes[2]);
  EXPECT_STREQ("normal", state);
  EXPECT_EQ('}', text.back());
}

TEST(StatusText, says_empty_full_or_normal_and_who_has_closed) {
  Pair pair("full", 20, stream());
  EXPECT_NE(std::string::npos, text_of(pair.reader).find("state=empty}"));
  EXPECT_OK(smipc_channel_write(pair.writer, "12345678901234567890", 20, 0, nullptr));
  EXPECT_NE(std::string::npos, text_of(pair.reader).find("state=full}"));
  EXPECT_NE(std::string::npos, text_of(pair.reader).find("mode=R "));
  EXPECT_OK(smipc_channel_close(pair.writer));
  EXPECT_NE(std::string::npos, text_of(pair.reader).find("RO=1 WO=0 RC=0 WC=1"));
}

TEST(StatusText, says_how_much_room_it_needs) {
  Pair pair("room", 20);
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_status_text(pair.reader, nullptr, 0, &size));
  std::vector<char> text(size);
  EXPECT_STATUS(SMIPC_E_BUFFER_TOO_SMALL,
                smipc_channel_status_text(pair.reader, text.data(), size, nullptr));
  text.resize(size + 1);
  EXPECT_OK(smipc_channel_status_text(pair.reader, text.data(), size + 1, nullptr));
  EXPECT_EQ(size, std::strlen(text.data()));
}

}  // namespace
}  // namespace smipc::test
