// What smipc.hpp adds to smipc.h, both ends in one process: ownership, exceptions, spans, timeouts.
//
//     api_cpp PREFIX
//
// The names of its channels begin with PREFIX. Prints how much was checked; exits with 1 at the
// first thing that is not as it should be.
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <smipc.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

std::string prefix;
int checks = 0;

#define CHECK(...) check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __LINE__)

void check(bool is_true, const char *what, int line) {
  ++checks;
  if (!is_true) throw std::runtime_error(std::to_string(line) + ": not true: " + what);
}

template <class Wanted = smipc::Error, class Call>
void check_throws(smipc::Status status, Call call) {
  ++checks;
  try {
    call();
  } catch (const Wanted &error) {
    CHECK(error.status() == status);
    CHECK(std::string_view(error.what()).size() > 1);
    CHECK(std::string_view(error.name()) == smipc_status_name(status));
    return;
  }
  throw std::runtime_error(std::string("nothing was thrown for ") + smipc_status_name(status));
}

constexpr smipc::Options kMessages = {.capacity_bytes = 256, .framing = smipc::Framing::kMessage};

struct Pair {
  std::string name;
  smipc::Writer out;
  smipc::Reader in;

  explicit Pair(std::string_view suffix, const smipc::Options &options = kMessages)
      : name(prefix + "-" + std::string(suffix)), out(name, options), in(name, options) {}
};

// ---- What cannot be written --------------------------------------------------------------------

static_assert(!std::is_copy_constructible_v<smipc::Writer>);
static_assert(!std::is_copy_constructible_v<smipc::Reader>);
static_assert(!std::is_copy_constructible_v<smipc::Reservation>);
static_assert(!std::is_copy_constructible_v<smipc::Borrow>);
static_assert(!std::is_copy_constructible_v<smipc::Batch>);  // its messages lie in the original
static_assert(!std::is_copy_assignable_v<smipc::Batch>);
static_assert(std::is_nothrow_move_constructible_v<smipc::Batch>);
static_assert(std::is_nothrow_move_assignable_v<smipc::Batch>);
static_assert(std::is_nothrow_move_constructible_v<smipc::Reader>);
static_assert(std::is_nothrow_move_assignable_v<smipc::Reader>);
// Literals, and their NUL.
static_assert(!std::is_convertible_v<decltype("ab"), smipc::Bytes>);
static_assert(!std::is_convertible_v<decltype(u8"ab"), smipc::Bytes>);
static_assert(!std::is_convertible_v<decltype(u"ab"), smipc::Bytes>);
static_assert(!std::is_convertible_v<decltype(U"ab"), smipc::Bytes>);
static_assert(!std::is_convertible_v<decltype(L"ab"), smipc::Bytes>);
static_assert(std::is_convertible_v<decltype(u8"ab"sv), smipc::Bytes>);
static_assert(std::is_convertible_v<const unsigned char (&)[3], smipc::Bytes>);
static_assert(std::is_convertible_v<const signed char (&)[3], smipc::Bytes>);
static_assert(!std::is_convertible_v<std::vector<std::string>, smipc::Bytes>);
static_assert(!std::is_convertible_v<const std::vector<int> &, smipc::MutableBytes>);
static_assert(!std::is_convertible_v<std::vector<int>, smipc::MutableBytes>);  // a temporary
static_assert(std::is_convertible_v<std::span<int>, smipc::MutableBytes>);
static_assert(!std::is_convertible_v<int, smipc::Timeout>);  // seconds? milliseconds?

// ---- Timeouts ----------------------------------------------------------------------------------

void timeouts() {
  CHECK(smipc::forever.nanoseconds() == SMIPC_FOREVER);
  CHECK(smipc::Timeout(std::nullopt).nanoseconds() == SMIPC_FOREVER);
  CHECK(smipc::no_wait.nanoseconds() == 0);
  CHECK(smipc::Timeout(3us).nanoseconds() == 3000);
  CHECK(smipc::Timeout(-5s).nanoseconds() == 0);  // a deadline that has passed
  CHECK(smipc::Timeout(1.5s).nanoseconds() == 1'500'000'000);
  CHECK(smipc::Timeout(std::chrono::duration<double, std::nano>(0.25)).nanoseconds() == 1);
  CHECK(smipc::Timeout(std::chrono::hours::max()).nanoseconds() == SMIPC_FOREVER);
  CHECK(smipc::Timeout(std::chrono::nanoseconds::max()).nanoseconds() == SMIPC_FOREVER);
  CHECK(smipc::Timeout(std::optional(2ms)).nanoseconds() == 2'000'000);
  CHECK(smipc::Timeout(std::optional<std::chrono::seconds>()).nanoseconds() == SMIPC_FOREVER);
}

// ---- Errors ------------------------------------------------------------------------------------

void errors() {
  Pair pair("errors");
  check_throws<smipc::TimedOut>(SMIPC_E_TIMED_OUT, [&] { (void)pair.in.recv(0s); });
  check_throws<smipc::TimedOut>(SMIPC_E_TIMED_OUT, [&] { (void)pair.in.recv(1ms); });
  check_throws(SMIPC_E_END_TAKEN, [&] { smipc::Writer second(pair.name, kMessages); });
  check_throws(SMIPC_E_INVALID, [] { smipc::Reader nameless("", kMessages); });
  check_throws(SMIPC_E_WRONG_FRAMING, [&] { pair.out.write("x"sv); });
  check_throws(SMIPC_E_NOT_FOUND, [] { smipc::unlink(prefix + "-nobody"); });
  pair.out.close();
  pair.out.close();
  CHECK(!pair.out.is_open());
  check_throws(SMIPC_E_CLOSED, [&] { pair.out.send("x"sv); });
  check_throws<smipc::OppositeEndClosed>(SMIPC_E_OPPOSITE_CLOSED, [&] { (void)pair.in.recv(); });

  std::size_t size = 0;
  std::byte buffer[1];
  CHECK(pair.in.try_recv(buffer, size) == SMIPC_E_OPPOSITE_CLOSED);
  CHECK(pair.out.try_send("x"sv) == SMIPC_E_CLOSED);
}

// ---- Ownership ---------------------------------------------------------------------------------

void ownership() {
  Pair pair("ownership");
  smipc::Writer moved(std::move(pair.out));
  moved.send("moved"sv);
  CHECK(pair.in.recv_string() == "moved");
  pair.out = std::move(moved);  // back again
  pair.out.send("back"sv);
  CHECK(pair.in.recv_string() == "back");
  CHECK(moved.try_send("x"sv) == SMIPC_E_INVALID);  // moved from

  smipc::Reader other(pair.name + "-other", kMessages);
  other = std::move(pair.in);  // closes what it had
  pair.out.send("here"sv);
  CHECK(other.recv_string() == "here");
  check_throws(SMIPC_E_NOT_FOUND, [&] { smipc::unlink(pair.name + "-other"); });
}

void destructor_closes() {
  auto pair = std::make_unique<Pair>("destructor");
  const std::string name = pair->name;
  CHECK(pair->in.status().writer_state == SMIPC_END_OPEN);
  pair.reset();
  check_throws(SMIPC_E_NOT_FOUND, [&] { smipc::unlink(name); });
}

// ---- Bytes -------------------------------------------------------------------------------------

void everything_contiguous_is_bytes() {
  Pair pair("bytes");
  const std::vector<float> floats{1.5f, 2.5f};
  const std::array<std::uint16_t, 3> shorts{1, 2, 3};
  const std::string text = "text";
  struct Point {
    double x, y;
  };
  const Point points[] = {{1, 2}, {3, 4}};

  pair.out.send(floats);
  pair.out.send(shorts);
  pair.out.send(text);
  pair.out.send(points);
  pair.out.send(std::as_bytes(std::span(floats)));
  pair.out.send({});

  std::vector<float> got_floats(2);
  CHECK(pair.in.recv_into(got_floats) == 8 && got_floats == floats);
  std::array<std::uint16_t, 3> got_shorts{};
  CHECK(pair.in.recv_into(got_shorts) == 6 && got_shorts == shorts);
  char got_text[4];
  CHECK(pair.in.recv_into(got_text) == 4 && std::string_view(got_text, 4) == text);
  Point got_points[2] = {};
  CHECK(pair.in.recv_into(std::span(got_points)) == sizeof points && got_points[1].y == 4);
  CHECK(pair.in.recv().size() == 8);
  CHECK(pair.in.recv().empty());
}

void recv_reuses_and_grows_containers() {
  Pair pair("containers");
  std::string text = "longer than what comes";
  pair.out.send("short"sv);
  pair.in.recv(text);
  CHECK(text == "short");
  pair.out.send(std::string(200, 'x'));
  pair.in.recv(text, 1s);
  CHECK(text == std::string(200, 'x'));
  check_throws<smipc::TimedOut>(SMIPC_E_TIMED_OUT, [&] { pair.in.recv(text, 0s); });
  CHECK(text.empty());
  std::vector<std::uint8_t> bytes;
  pair.out.send("abc"sv);
  pair.in.recv(bytes);
  CHECK(bytes == std::vector<std::uint8_t>{'a', 'b', 'c'});
}

void buffer_too_small_leaves_the_message() {
  Pair pair("too-small");
  pair.out.send("hello"sv);
  char buffer[5];
  std::size_t size = 0;
  CHECK(pair.in.try_recv(std::span(buffer).first(4), size) == SMIPC_E_BUFFER_TOO_SMALL);
  CHECK(size == 5);
  check_throws(SMIPC_E_BUFFER_TOO_SMALL, [&] { pair.in.recv_into(std::span(buffer).first(4)); });
  CHECK(pair.in.next_size() == 5);
  CHECK(pair.in.try_recv(buffer, size) == SMIPC_OK);
  CHECK(std::string_view(buffer, size) == "hello");
}

// ---- Zero copy ---------------------------------------------------------------------------------

void reservation_commits_or_aborts() {
  Pair pair("reservation");
  {
    auto room = pair.out.reserve(16);
    room.as<std::uint64_t>()[0] = 1;
  }  // aborted
  {
    auto room = pair.out.reserve(16);
    CHECK(room.bytes().size() == 16 && room.as<std::uint64_t>().size() == 2);
    check_throws(SMIPC_E_BUSY, [&] { pair.out.send("x"sv); });
    check_throws(SMIPC_E_INVALID, [&] { room.commit(17); });
    room.as<std::uint64_t>()[0] = 2;
    auto moved = std::move(room);
    moved.commit(8);
    CHECK(moved.bytes().empty());
  }
  try {
    auto room = pair.out.reserve(8);
    throw std::runtime_error("between reserve and commit");
  } catch (const std::runtime_error &) {
  }
  CHECK(pair.in.next_size(0s) == 8);
  const auto message = pair.in.peek();
  CHECK(message.as<std::uint64_t>().size() == 1 && message.as<std::uint64_t>()[0] == 2);
}

void borrow_releases() {
  Pair pair("borrow");
  pair.out.send("first"sv);
  pair.out.send("second"sv);
  {
    auto message = pair.in.peek();
    CHECK(message.bytes().size() == 5);
    auto moved = std::move(message);
    message.release();  // owns nothing any more
    CHECK(moved.bytes().size() == 5);
  }
  smipc::Borrow message;
  CHECK(pair.in.try_peek(message) == SMIPC_OK);
  CHECK(message.bytes().size() == 6);
  CHECK(pair.in.try_peek(message) == SMIPC_E_TIMED_OUT);  // the second was released
  CHECK(message.bytes().empty());
}

void peeking_into_the_same_borrow_keeps_the_message() {
  Pair pair("borrow-again");
  pair.out.send("first"sv);
  pair.out.send("second"sv);
  smipc::Borrow message = pair.in.peek();
  message = pair.in.peek();  // the same one, still lent
  CHECK(message.bytes().size() == 5);
  CHECK(pair.in.status().messages_read == 0);
  message.release();
  message = pair.in.peek();
  CHECK(message.bytes().size() == 6);
  CHECK(pair.in.status().messages_read == 1);
}

// ---- Many at once ------------------------------------------------------------------------------

void many_at_once() {
  Pair pair("many");
  const std::vector<smipc::Bytes> three{"one"sv, {}, "three"sv};
  pair.out.send_many(three);
  smipc::Batch batch(2, 1);
  CHECK(pair.in.recv_many(batch) >= 1);
  CHECK(batch[0].text() == "one");
  std::size_t received = batch.size();
  while (received < 3) received += pair.in.recv_many(batch);
  CHECK((batch.end() - 1)->text() == "three");
  check_throws<smipc::TimedOut>(SMIPC_E_TIMED_OUT, [&] { pair.in.recv_many(batch, 0s); });
  CHECK(batch.empty());

  const std::vector<std::string> too_many(100, std::string(24, 'x'));
  std::size_t sent = 0;
  const std::vector<smipc::Bytes> messages(too_many.begin(), too_many.end());
  CHECK(pair.out.try_send_many(messages, sent) == SMIPC_E_TIMED_OUT);
  CHECK(sent == 256 / 32);
}

void wait_names_those_that_can_be_read() {
  Pair a("wait-a"), b("wait-b");
  CHECK(smipc::wait({&a.in, &b.in}, 0s).empty());
  b.out.send("x"sv);
  CHECK(smipc::wait({&a.in, &b.in}) == std::vector{&b.in});
  a.out.close();
  CHECK(smipc::wait({&a.in, &b.in}) == (std::vector{&a.in, &b.in}));
}

// ---- Streams -----------------------------------------------------------------------------------

void streams() {
  Pair pair("stream", {.capacity_bytes = 20});
  std::size_t size = 0;
  std::array<char, 20> buffer;
  pair.out.write("0123456789"sv);
  pair.in.read(std::span(buffer).first(4));
  CHECK(std::string_view(buffer.data(), 4) == "0123");
  CHECK(pair.in.read_some(buffer) == 6);
  CHECK(pair.in.try_read(std::span(buffer).first(1)) == SMIPC_E_TIMED_OUT);
  CHECK(pair.in.try_read_some(buffer, size) == SMIPC_E_TIMED_OUT);
  pair.out.flush(0s);
  CHECK(pair.out.try_write(std::string(30, 'x'), size) == SMIPC_E_TIMED_OUT && size == 20);
  check_throws<smipc::TimedOut>(SMIPC_E_TIMED_OUT, [&] { pair.out.flush(0s); });
}

// ---- Listener ----------------------------------------------------------------------------------

void listener_keeps_the_first_exception() {
  Pair pair("listener");
  std::promise<void> second;
  int calls = 0;
  pair.in.listen([&](std::span<const std::byte>, smipc::Status) {
    if (++calls == 2) second.set_value();
    throw std::runtime_error("call " + std::to_string(calls));
  });
  check_throws(SMIPC_E_BUSY, [&] { (void)pair.in.recv(0s); });
  smipc::Reader moved(std::move(pair.in));  // the listener moves along
  pair.out.send("1"sv);
  pair.out.send("2"sv);
  second.get_future().wait();
  std::string thrown;
  try {
    moved.stop_listening();
  } catch (const std::runtime_error &error) {
    thrown = error.what();
  }
  CHECK(thrown == "call 1" && calls == 2);
  moved.stop_listening();
  pair.out.send("by hand"sv);
  CHECK(moved.recv_string(0s) == "by hand");

  auto owned = std::make_shared<int>(7);
  std::weak_ptr<int> alive = owned;
  moved.listen([owned = std::move(owned)](std::span<const std::byte>, smipc::Status) {});
  CHECK(!alive.expired());
  {
    smipc::Reader gone(std::move(moved));
  }  // stops the listener, then lets go of the callback
  CHECK(alive.expired());
}

void listening_again_keeps_the_exception_of_before() {
  const std::string name = prefix + "-listen-again";
  smipc::Reader in(name, kMessages);
  for (const std::string text : {"first", "second"}) {
    smipc::Writer out(name, kMessages);
    std::promise<void> told;
    const auto listener = [&](std::span<const std::byte>, smipc::Status status) {
      if (status == SMIPC_OK) throw std::runtime_error(text);
      told.set_value();
    };
    for (bool listening = false; !listening;) {
      try {
        in.listen(listener);
        listening = true;
      } catch (const smipc::Error &error) {
        CHECK(error.status() == SMIPC_E_BUSY);  // the one before is just ending
      }
    }
    out.send("x"sv);
    out.close();
    told.get_future().wait();
  }
  std::string thrown;
  try {
    in.stop_listening();
  } catch (const std::runtime_error &error) {
    thrown = error.what();
  }
  CHECK(thrown == "first");
  in.stop_listening();  // it was told
}

// ---- Looking inside ----------------------------------------------------------------------------

void status() {
  Pair pair("status");
  pair.out.send("12345"sv);
  const smipc::ChannelStatus status = pair.out.status();
  CHECK(status.capacity_bytes == 256 && status.messages_written == 1 && status.bytes_written == 5);
  CHECK(pair.in.status_text().starts_with("Channel(" + pair.name + "): mode=R "));
  CHECK(pair.in.is_open());
  smipc::init(smipc::LogLevel::kDisable);
  (void)smipc::clean_stale();
  smipc::clean();
  CHECK(!pair.in.is_open());
}

}  // namespace

int main(int argc, char **argv) try {
  CHECK(argc == 2);
  prefix = argv[1];
  timeouts();
  errors();
  ownership();
  destructor_closes();
  everything_contiguous_is_bytes();
  recv_reuses_and_grows_containers();
  buffer_too_small_leaves_the_message();
  reservation_commits_or_aborts();
  borrow_releases();
  peeking_into_the_same_borrow_keeps_the_message();
  many_at_once();
  wait_names_those_that_can_be_read();
  streams();
  listener_keeps_the_first_exception();
  listening_again_keeps_the_exception_of_before();
  status();
  std::printf("%d checks\n", checks);
} catch (const std::exception &error) {
  std::fprintf(stderr, "api_cpp.cpp:%s\n", error.what());
  return 1;
}
