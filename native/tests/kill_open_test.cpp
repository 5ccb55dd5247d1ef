// Processes that are killed at any instruction of opening, closing and unlinking: whoever is there
// is told or goes on, the name can be opened again, and nothing is left.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <optional>

namespace smipc::test {
namespace {

struct Plan {
  const char* name;
  bool survivor_before;  // the survivor's end is open before the victim's
  bool victim_before;    // the victim's end is open before the call
  std::size_t sent;      // messages that the victim has sent before the call
  std::function<void(const std::string& name, std::optional<End>& victim)> call;
};

class KilledOpener : public Scenario {
 public:
  explicit KilledOpener(const Plan& plan) : plan_(plan), name_(unique_name(plan.name)) {}

  void before() override {
    if (plan_.survivor_before) reader_.emplace(name_, SMIPC_READER, kSmallRing);
  }

  void prepare() override {
    if (plan_.victim_before) victim_.emplace(name_, SMIPC_WRITER, kSmallRing);
    for (std::size_t i = 0; i < plan_.sent; ++i) send(*victim_, pattern(20, i));
  }

  void call() override { plan_.call(name_, victim_); }

  void after(bool) override {
    if (reader_) survivor_goes_on();
    reader_.reset();
    expect_usable(name_);
    std::size_t removed = 0;  // what an unlinked channel's dead end may leave under another name
    EXPECT_OK(smipc_clean_stale(&removed));
  }

 private:
  void survivor_goes_on() {
    for (std::size_t i = 0; i < plan_.sent; ++i) recv_numbered(*reader_, i, 20);
    // It may have died before it was there, or after it had closed.
    std::vector<unsigned char> data;
    const smipc_status status = try_recv(*reader_, &data);
    EXPECT_NE(SMIPC_OK, status) << "invented";
    if (files_of(name_).empty()) return;  // the call was unlink, and it is done
    End successor(name_, SMIPC_WRITER, kSmallRing);
    send(successor, pattern(50, 500));
    recv_numbered(*reader_, 500, 50);
  }

  const Plan& plan_;
  std::string name_;
  std::optional<End> reader_;
  std::optional<End> victim_;
};

void open_writer(const std::string& name, std::optional<End>& victim) {
  victim.emplace(name, SMIPC_WRITER, kSmallRing);
}

void close_writer(const std::string&, std::optional<End>& victim) {
  EXPECT_OK(smipc_channel_close(*victim));
}

void unlink_name(const std::string& name, std::optional<End>&) {
  EXPECT_OK(smipc_channel_unlink(name.data(), name.size()));
}

const Plan kPlans[] = {
    {"open_creates", false, false, 0, open_writer},
    {"open_attaches", true, false, 0, open_writer},
    {"close_the_last", false, true, 2, close_writer},
    {"close_the_first", true, true, 2, close_writer},
    {"unlink_of_one", false, true, 0, unlink_name},
    {"unlink_of_both", true, true, 2, unlink_name},
};

class KillOpener : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillOpener, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillOpener, of) {
  const Plan& plan = GetParam();
  expect_survived(plan.name, [&](std::int64_t*) { return std::make_unique<KilledOpener>(plan); });
}

}  // namespace
}  // namespace smipc::test

#endif
