// Every function with every kind of wrong use: a status that fits, a text that says which channel
// and which value, and an end that works as before.
#include <functional>

#include "support.hpp"

namespace smipc::test {
namespace {

enum class Kind { kWrite, kRead, kSend, kRecv, kFlush, kWait, kAny };

// A function called in a way that would be fine on the right end.
struct Call {
  const char* name;
  Kind kind;
  std::function<smipc_status(smipc_channel*, std::int64_t timeout_ns)> run;
  bool has_timeout = true;
};

void ignore(void*, const void*, std::size_t, smipc_status) {}

const std::vector<Call>& calls() {
  static char buffer[64] = {};
  static const smipc_buffer part = {buffer, 8};
  static smipc_buffer parts[4];
  static std::size_t n;
  static void* room;
  static const void* view;
  static std::int32_t fd;
  static smipc_fetch_area area;
  static const unsigned char blob[] = {'[', 1, 0, 0, 0, 's', 1, 0, 0, 0, 'x'};
  using H = smipc_channel*;
  using T = std::int64_t;
  static const std::vector<Call> all = {
      {"write", Kind::kWrite, [](H h, T t) { return smipc_channel_write(h, buffer, 8, t, &n); }},
      {"read", Kind::kRead, [](H h, T t) { return smipc_channel_read(h, buffer, 8, t); }},
      {"read_some", Kind::kRead,
       [](H h, T t) { return smipc_channel_read_some(h, buffer, 8, t, &n); }},
      {"send", Kind::kSend, [](H h, T t) { return smipc_channel_send(h, buffer, 8, t); }},
      {"try_send", Kind::kSend, [](H h, T) { return smipc_channel_try_send(h, buffer, 8); }, false},
      {"send_parts", Kind::kSend,
       [](H h, T t) { return smipc_channel_send_parts(h, &part, 1, t, nullptr); }},
      {"send_many", Kind::kSend,
       [](H h, T t) { return smipc_channel_send_many(h, &part, 1, t, &n); }},
      {"send_list", Kind::kSend,
       [](H h, T t) { return smipc_channel_send_list(h, blob, sizeof blob, t, &(n = 0)); }},
      {"send_list_wait", Kind::kSend,
       [](H h, T) {
         return static_cast<smipc_status>(
             std::min<std::int64_t>(smipc_channel_send_list_wait(h, blob, sizeof blob), 0));
       },
       false},
      {"recv", Kind::kRecv, [](H h, T t) { return smipc_channel_recv(h, buffer, 64, t, &n); }},
      {"recv_parts", Kind::kRecv,
       [](H h, T t) { return smipc_channel_recv_parts(h, &part, 1, t, &n); }},
      {"recv_many", Kind::kRecv,
       [](H h, T t) { return smipc_channel_recv_many(h, buffer, 64, 4, t, parts, &n, nullptr); }},
      {"next", Kind::kRecv,
       [](H h, T t) { return smipc_channel_next(h, buffer, 8, t, &n, nullptr); }},
      {"reserve", Kind::kSend, [](H h, T t) { return smipc_channel_reserve(h, 8, t, &room); }},
      {"commit", Kind::kSend, [](H h, T) { return smipc_channel_commit(h, 8); }, false},
      {"abort", Kind::kSend, [](H h, T) { return smipc_channel_abort(h); }, false},
      {"peek", Kind::kRecv, [](H h, T t) { return smipc_channel_peek(h, t, &view, &n); }},
      {"release", Kind::kRecv, [](H h, T) { return smipc_channel_release(h); }, false},
      {"flush", Kind::kFlush, [](H h, T t) { return smipc_channel_flush(h, t); }},
      {"wait", Kind::kWait,
       [](H h, T t) {
         unsigned char ready;
         return smipc_wait(&h, 1, t, &ready, &n);
       }},
      {"fd", Kind::kWait, [](H h, T) { return smipc_channel_fd(h, &fd); }, false},
      {"fd_arm", Kind::kWait, [](H h, T) { return smipc_channel_fd_arm(h, 1); }, false},
      {"listen", Kind::kWait, [](H h, T) { return smipc_channel_listen(h, ignore, nullptr); },
       false},
      {"fetch_open", Kind::kRecv, [](H h, T) { return smipc_channel_fetch_open(h, &area); }, false},
      {"fetch", Kind::kRecv,
       [](H h, T t) { return static_cast<smipc_status>(smipc_channel_fetch(h, t)); }},
      {"fetch_wait", Kind::kRecv,
       [](H h, T) { return static_cast<smipc_status>(smipc_channel_fetch_wait(h)); }, false},
  };
  return all;
}

bool is_for_writer(Kind kind) {
  return kind == Kind::kWrite || kind == Kind::kSend || kind == Kind::kFlush;
}
bool is_for_stream(Kind kind) { return kind == Kind::kWrite || kind == Kind::kRead; }
bool is_for_message(Kind kind) { return kind == Kind::kSend || kind == Kind::kRecv; }

std::string label(const Call& call) { return std::string("smipc_channel_") + call.name; }

void expect_text_names(const std::string& what) {
  const std::string text = smipc_last_error();
  EXPECT_NE(std::string::npos, text.find(what)) << text;
  EXPECT_EQ(std::string::npos, text.find('\n')) << text;
}

class Misuse : public testing::TestWithParam<std::uint32_t> {};

TEST_P(Misuse, calls_on_the_wrong_end_or_framing_are_refused) {
  const std::uint32_t framing = GetParam();
  Pair pair("wrong", 100, {.framing = framing});
  for (const Call& call : calls()) {
    SCOPED_TRACE(label(call));
    for (smipc_channel* end :
         {static_cast<smipc_channel*>(pair.writer), static_cast<smipc_channel*>(pair.reader)}) {
      const bool right_end = (end == pair.writer) == is_for_writer(call.kind);
      const bool right_framing =
          framing == SMIPC_STREAM ? !is_for_message(call.kind) : !is_for_stream(call.kind);
      if (right_end && right_framing) continue;
      EXPECT_STATUS(right_end ? SMIPC_E_WRONG_FRAMING : SMIPC_E_WRONG_END, call.run(end, 0));
      expect_text_names(pair.name);
    }
  }
  EXPECT_EQ(0u, status_of(pair.reader).used_bytes);
  EXPECT_EQ(0u, status_of(pair.writer).messages_written);
}

TEST_P(Misuse, calls_on_a_closed_end_say_so) {
  Pair pair("closed", 100, {.framing = GetParam()});
  EXPECT_OK(smipc_channel_close(pair.writer));
  EXPECT_OK(smipc_channel_close(pair.reader));
  for (const Call& call : calls()) {
    SCOPED_TRACE(label(call));
    smipc_channel* end = is_for_writer(call.kind) ? pair.writer : pair.reader;
    EXPECT_STATUS(SMIPC_E_CLOSED, call.run(end, SMIPC_FOREVER));
    expect_text_names(pair.name);
  }
  EXPECT_OK(smipc_channel_close(pair.writer));
  EXPECT_OK(smipc_channel_listen_stop(pair.reader));
}

TEST_P(Misuse, timeouts_that_mean_nothing_are_refused) {
  Pair pair("timeout", 100, {.framing = GetParam()});
  for (const Call& call : calls()) {
    if (!call.has_timeout) continue;
    SCOPED_TRACE(label(call));
    for (std::int64_t timeout_ns : {std::int64_t{-3}, std::int64_t{-12345}, INT64_MIN}) {
      EXPECT_STATUS(SMIPC_E_INVALID,
                    call.run(is_for_writer(call.kind) ? pair.writer : pair.reader, timeout_ns));
      expect_text_names(std::to_string(timeout_ns));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Channel, Misuse, testing::Values(SMIPC_STREAM, SMIPC_MESSAGE),
                         [](const testing::TestParamInfo<std::uint32_t>& which) {
                           return which.param == SMIPC_STREAM ? "stream" : "message";
                         });

TEST(MisuseOfHandles, null_is_an_error_and_free_takes_it) {
  for (const Call& call : calls()) {
    SCOPED_TRACE(label(call));
    EXPECT_STATUS(SMIPC_E_INVALID, call.run(nullptr, 0));
    expect_text_names("NULL");
  }
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_close(nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_listen_stop(nullptr));
  smipc_channel_status status = {};
  status.struct_size = sizeof status;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_get_status(nullptr, &status));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_status_text(nullptr, nullptr, 0, nullptr));
  smipc_channel_free(nullptr);
}

TEST(MisuseOfBuffers, null_is_an_error_where_bytes_are_wanted) {
  Pair messages("null-m", 100);
  Pair streams("null-s", 100, stream());
  smipc_channel* w = messages.writer;
  smipc_channel* r = messages.reader;
  send(w, pattern(5, 1));
  EXPECT_OK(smipc_channel_write(streams.writer, "12345", 5, 0, nullptr));
  std::size_t n = 0;
  const smipc_buffer bad = {nullptr, 5};
  smipc_buffer out[1];
  char buffer[8] = {};
  const auto refused = [](smipc_status status) {
    EXPECT_STATUS(SMIPC_E_INVALID, status);
    expect_text_names("NULL");
  };
  refused(smipc_channel_write(streams.writer, nullptr, 5, 0, &n));
  refused(smipc_channel_read(streams.reader, nullptr, 5, 0));
  refused(smipc_channel_read_some(streams.reader, nullptr, 5, 0, &n));
  refused(smipc_channel_send(w, nullptr, 5, 0));
  refused(smipc_channel_try_send(w, nullptr, 5));
  refused(smipc_channel_send_parts(w, nullptr, 1, 0, nullptr));
  refused(smipc_channel_send_parts(w, &bad, 1, 0, nullptr));
  refused(smipc_channel_send_many(w, nullptr, 1, 0, &n));
  refused(smipc_channel_send_many(w, &bad, 1, 0, &n));
  refused(smipc_channel_send_list(w, nullptr, 10, 0, &n));
  refused(smipc_channel_send_list(w, "[\0\0\0\0", 5, 0, nullptr));
  refused(static_cast<smipc_status>(smipc_channel_send_list_wait(w, nullptr, 10)));
  refused(smipc_channel_recv(r, nullptr, 5, 0, &n));
  refused(smipc_channel_recv(r, buffer, 5, 0, nullptr));
  refused(smipc_channel_recv_parts(r, &bad, 1, 0, &n));
  refused(smipc_channel_recv_parts(r, nullptr, 1, 0, &n));
  refused(smipc_channel_recv_many(r, nullptr, 5, 1, 0, out, &n, nullptr));
  refused(smipc_channel_recv_many(r, buffer, 5, 1, 0, nullptr, &n, nullptr));
  refused(smipc_channel_recv_many(r, buffer, 5, 1, 0, out, nullptr, nullptr));
  refused(smipc_channel_next(r, nullptr, 5, 0, &n, nullptr));
  refused(smipc_channel_next(r, buffer, 5, 0, nullptr, nullptr));
  refused(smipc_channel_reserve(w, 5, 0, nullptr));
  refused(smipc_channel_peek(r, 0, nullptr, &n));
  const void* view = nullptr;
  refused(smipc_channel_peek(r, 0, &view, nullptr));
  refused(smipc_channel_fd(r, nullptr));
  refused(smipc_channel_listen(r, nullptr, nullptr));
  refused(smipc_channel_fetch_open(r, nullptr));
  refused(smipc_channel_get_status(r, nullptr));
  unsigned char ready;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_wait(nullptr, 1, 0, &ready, &n));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_wait(&r, 1, 0, nullptr, &n));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_wait(&r, 0, 0, &ready, &n));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_open("x", 1, 0, 10, nullptr, nullptr));
  // Nothing has happened to what is in the channels.
  expect_pattern(recv(r).data(), 5, 1);
  EXPECT_OK(smipc_channel_read(streams.reader, buffer, 5, 0));
  EXPECT_EQ("12345", std::string(buffer, 5));
}

TEST(MisuseOfBuffers, null_is_fine_where_no_bytes_are_wanted) {
  Pair messages("nothing-m", 100);
  Pair streams("nothing-s", 100, stream());
  std::size_t n = 7;
  const smipc_buffer nothing[2] = {{nullptr, 0}, {nullptr, 0}};
  EXPECT_OK(smipc_channel_write(streams.writer, nullptr, 0, 0, &n));
  EXPECT_EQ(0u, n);
  EXPECT_OK(smipc_channel_read(streams.reader, nullptr, 0, 0));
  EXPECT_OK(smipc_channel_read_some(streams.reader, nullptr, 0, 0, &n));
  EXPECT_OK(smipc_channel_send(messages.writer, nullptr, 0, 0));
  EXPECT_OK(smipc_channel_send_parts(messages.writer, nullptr, 0, 0, nullptr));
  EXPECT_OK(smipc_channel_send_parts(messages.writer, nothing, 2, 0, nullptr));
  EXPECT_OK(smipc_channel_send_many(messages.writer, nullptr, 0, 0, &n));
  EXPECT_EQ(0u, n);
  for (int i = 0; i < 3; ++i) {
    n = 7;
    EXPECT_OK(smipc_channel_recv(messages.reader, nullptr, 0, 0, &n));
    EXPECT_EQ(0u, n);
  }
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, smipc_channel_recv(messages.reader, nullptr, 0, 0, &n));
}

TEST(MisuseOfBuffers, sizes_beyond_the_limit_are_refused) {
  Pair messages("sizes-m", 100);
  Pair streams("sizes-s", 100, stream());
  char byte = 0;
  constexpr auto kTooMuch = static_cast<std::size_t>(SMIPC_MAX_MESSAGE) + 1;
  const smipc_buffer two[2] = {{&byte, kTooMuch - 1}, {&byte, 1}};
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_send(messages.writer, &byte, kTooMuch, 0));
  expect_text_names(std::to_string(kTooMuch));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_send(messages.writer, &byte, SIZE_MAX, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_send_parts(messages.writer, two, 2, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_write(streams.writer, &byte, kTooMuch, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_read(streams.reader, &byte, kTooMuch, 0));
  void* room = nullptr;
  for (std::size_t size : {std::size_t{101}, std::size_t{1000}, kTooMuch, SIZE_MAX}) {
    EXPECT_STATUS(SMIPC_E_INVALID, smipc_channel_reserve(messages.writer, size, 0, &room)) << size;
    expect_text_names(std::to_string(size));
    EXPECT_EQ(nullptr, room);
  }
  EXPECT_EQ(0u, status_of(messages.writer).used_bytes);
}

TEST(MisuseOfBuffers, blobs_that_are_no_list_are_refused_and_what_came_before_has_gone) {
  Pair pair("blob", 1000);
  const std::vector<std::vector<unsigned char>> bad = {
      {},
      {'['},
      {'[', 1, 0, 0},
      {'(', 0, 0, 0, 0},
      {'[', 1, 0, 0, 0},
      {'[', 1, 0, 0, 0, 's', 1, 0, 0, 0},
      {'[', 1, 0, 0, 0, 's', 0xff, 0xff, 0xff, 0xff, 'x'},
      {'[', 0xff, 0xff, 0xff, 0xff},
      {'[', 1, 0, 0, 0, 'i', 1, 0, 0, 0}};
  for (const std::vector<unsigned char>& blob : bad) {
    std::size_t index = 0;
    static const unsigned char kNothing = 0;
    EXPECT_STATUS(SMIPC_E_INVALID,
                  smipc_channel_send_list(pair.writer, blob.empty() ? &kNothing : blob.data(),
                                          blob.size(), 0, &index));
    EXPECT_EQ(0u, index);
    EXPECT_EQ(SMIPC_E_INVALID,
              smipc_channel_send_list_wait(pair.writer, blob.empty() ? &kNothing : blob.data(),
                                           blob.size()));
  }
  EXPECT_EQ(0u, status_of(pair.writer).used_bytes);
  const unsigned char half[] = {'[', 2, 0, 0, 0, 's', 1, 0, 0, 0, 'x', 's', 9};
  std::size_t index = 0;
  EXPECT_STATUS(SMIPC_E_INVALID,
                smipc_channel_send_list(pair.writer, half, sizeof half, 0, &index));
  EXPECT_EQ(1u, index);
  EXPECT_EQ(1u, recv(pair.reader).size());
}

}  // namespace
}  // namespace smipc::test
