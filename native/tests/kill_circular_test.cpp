// Processes that are killed at any instruction of a circular buffer's calls: readers never get a
// torn item, miss none that was pushed, and a successor goes on behind the last whole one.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <smipc.hpp>

#include <optional>

namespace smipc::test {
namespace {

constexpr std::uint64_t kLength = 8;

constexpr std::size_t kSmallWords = 5;
constexpr std::size_t kLargeWords = 180;  // copied two words at a time

using Words = std::vector<std::uint64_t>;

// Items are words that say the item's number: torn, if they differ.
void push(CircularBufferWriter& writer, std::size_t words, std::uint64_t first, std::size_t count) {
  Words items(words * count);
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = first + i / words;
  writer.push(std::as_bytes(std::span(items)));
}

// What a killed one may leave open, of which only the names matter to the call.
struct Victim {
  std::optional<CircularBufferWriter> writer;
  std::optional<CircularBufferReader> reader;
};

struct Plan {
  const char* name;
  bool survivor_writes;   // the survivor's end; the victim's is the other one
  bool victim_before;     // it is open before the call
  std::uint64_t earlier;  // items pushed before the call
  std::uint64_t pushes;   // items that the call pushes
  std::function<void(const std::string& name, Victim& victim, const Plan& plan)> call;
  std::size_t words = kSmallWords;  // of every item

  CircularBufferOptions options() const { return {.item_size = 8 * words, .length = kLength}; }
};

class KilledUser : public Scenario {
 public:
  explicit KilledUser(const Plan& plan) : plan_(plan), name_(unique_name(plan.name)) {}

  void before() override {
    if (plan_.survivor_writes || !plan_.victim_before) {
      writer_.emplace(name_, plan_.options());
      push(*writer_, plan_.words, 0, plan_.earlier);
    }
    if (!plan_.victim_before && !plan_.survivor_writes) writer_.reset();
  }

  void prepare() override {
    if (!plan_.victim_before) return;
    if (plan_.survivor_writes) {
      victim_.reader.emplace(name_);
    } else {
      victim_.writer.emplace(name_, plan_.options());
      push(*victim_.writer, plan_.words, 0, plan_.earlier);
    }
  }

  void prepared() override {
    if (plan_.victim_before && !plan_.survivor_writes) reader_.emplace(name_);
  }

  void call() override { plan_.call(name_, victim_, plan_); }

  void after(bool finished) override {
    if (reader_) check_what_was_pushed(finished);
    // Closing removes the name: what comes next under it is another buffer.
    if (files_of(name_).empty()) reader_.reset();
    if (!writer_) writer_.emplace(name_, plan_.options());
    if (!reader_) reader_.emplace(name_);
    const std::uint64_t before = writer_->status().pushed;
    drain();
    push(*writer_, plan_.words, before, 1);
    EXPECT_EQ(Words{before}, drain());
    writer_.reset();
    reader_.reset();
    const std::vector<std::string> left = files_of(name_);
    EXPECT_TRUE(left.empty()) << left.front();
  }

 private:
  // The numbers of the items that are there.
  Words drain() {
    Words words(3 * kLength * plan_.words);
    words.resize(reader_->pop(std::as_writable_bytes(std::span(words))) * plan_.words);
    Words numbers;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i % plan_.words == 0) numbers.push_back(words[i]);
      EXPECT_EQ(numbers.back(), words[i]) << "torn";
    }
    return numbers;
  }

  void check_what_was_pushed(bool finished) {
    const Words items = drain();
    for (std::size_t i = 1; i < items.size(); ++i) EXPECT_EQ(items[i - 1] + 1, items[i]);
    const std::uint64_t end = items.empty() ? 0 : items.back() + 1;
    const std::uint64_t all = plan_.earlier + plan_.pushes;
    EXPECT_LE(end, all) << "invented";
    // A push that was cut off has given up the oldest items, which it was about to overwrite.
    if (!items.empty()) {
      EXPECT_LE(plan_.earlier, end) << "lost";
    }
    if (finished) {
      EXPECT_EQ(all, end) << "lost";
      EXPECT_EQ(std::min(all, kLength - 1), items.size());
    } else if (plan_.pushes == 1) {
      EXPECT_LE(std::min(plan_.earlier, kLength - 1), items.size()) << "one push spares the rest";
    }
  }

  const Plan& plan_;
  std::string name_;
  std::optional<CircularBufferWriter> writer_;
  std::optional<CircularBufferReader> reader_;
  Victim victim_;
};

void push_some(const std::string&, Victim& victim, const Plan& plan) {
  push(*victim.writer, plan.words, plan.earlier, plan.pushes);
}

void pop_some(const std::string&, Victim& victim, const Plan& plan) {
  Words items(3 * plan.words);
  EXPECT_EQ(3u, victim.reader->pop(std::as_writable_bytes(std::span(items))));
}

void open_writer(const std::string& name, Victim& victim, const Plan& plan) {
  victim.writer.emplace(name, plan.options());
}

void open_reader(const std::string& name, Victim& victim, const Plan&) {
  victim.reader.emplace(name);
}

void close_writer(const std::string&, Victim& victim, const Plan&) { victim.writer.reset(); }

void close_reader(const std::string&, Victim& victim, const Plan&) { victim.reader.reset(); }

const Plan kPlans[] = {
    {"push", false, true, 0, 1, push_some},
    {"push_behind_others", false, true, 3, 1, push_some},
    {"push_over_the_oldest", false, true, 20, 1, push_some},
    {"push_many", false, true, 3, 4, push_some},
    {"push_more_than_there_is_room_for", false, true, 3, 20, push_some},
    {"push_large", false, true, 3, 1, push_some, kLargeWords},
    {"push_large_over_the_oldest", false, true, 20, 1, push_some, kLargeWords},
    {"push_many_large", false, true, 3, 10, push_some, kLargeWords},
    {"pop", true, true, 5, 0, pop_some},
    {"pop_large", true, true, 5, 0, pop_some, kLargeWords},
    {"pop_where_the_ring_wraps", true, true, 105, 0, pop_some},
    {"open_the_writer", false, false, 0, 0, open_writer},
    {"open_a_reader", true, false, 5, 0, open_reader},
    {"close_the_writer", false, true, 5, 0, close_writer},
    {"close_a_reader", true, true, 5, 0, close_reader},
};

class KillCircular : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillCircular, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillCircular, of) {
  const Plan& plan = GetParam();
  expect_survived(plan.name, [&](std::int64_t*) { return std::make_unique<KilledUser>(plan); });
}

}  // namespace
}  // namespace smipc::test

#endif
