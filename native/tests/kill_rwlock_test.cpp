// Processes that are killed at any instruction of locking and unlocking: the lock is free for the
// next one at once, who is told if an edit was cut off, and only then.
#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <smipc/rwlock.h>

#include <filesystem>

namespace smipc::test {
namespace {

constexpr std::uint32_t kNone = UINT32_MAX;

struct Plan {
  const char* name;
  std::uint32_t held;     // how the victim holds it before the call
  std::uint32_t wanted;   // how the call locks it, or kNone: it unlocks
  std::uint32_t blocked;  // how a survivor holds it, so that the call sleeps
  bool waits;             // a survivor sleeps in lock when the call begins
};

class KilledHolder : public Scenario {
 public:
  explicit KilledHolder(const Plan& plan) : plan_(plan) {
    path_ = (std::filesystem::temp_directory_path() / object_name(plan.name)).string();
  }
  ~KilledHolder() override {
    smipc_rwlock_free(survivor_);
    std::filesystem::remove(path_);
  }

  void before() override {
    survivor_ = open();
    if (plan_.blocked != kNone) lock(survivor_, plan_.blocked);
  }

  void prepare() override {
    victim_ = open();
    if (plan_.held != kNone) lock(victim_, plan_.held);
  }

  void prepared() override {
    if (!plan_.waits) return;
    thread_ = std::thread([this] { cut_off_ = lock(survivor_, SMIPC_EXCLUSIVE); });
  }

  void call() override {
    if (plan_.wanted == kNone) {
      EXPECT_OK(smipc_rwlock_unlock(victim_));
    } else {
      lock(victim_, plan_.wanted);
    }
  }

  void after(bool finished) override {
    if (thread_.joinable()) {
      thread_.join();
    } else {
      if (plan_.blocked != kNone) {
        EXPECT_OK(smipc_rwlock_unlock(survivor_));
      }
      cut_off_ = lock(survivor_, SMIPC_EXCLUSIVE);
    }
    const bool edits = plan_.held == SMIPC_EXCLUSIVE || plan_.wanted == SMIPC_EXCLUSIVE;
    if (!edits) {
      EXPECT_EQ(0u, cut_off_) << "readers cut nothing off";
    }
    if (finished && plan_.wanted == SMIPC_EXCLUSIVE) {
      EXPECT_NE(0u, cut_off_) << "it died with the lock, and nobody was told";
    }
    if (finished && plan_.wanted == kNone) {
      EXPECT_EQ(0u, cut_off_) << "it had unlocked it";
    }
    EXPECT_OK(smipc_rwlock_unlock(survivor_));
    EXPECT_EQ(0u, lock(survivor_, SMIPC_EXCLUSIVE)) << "told twice";
    EXPECT_OK(smipc_rwlock_unlock(survivor_));
  }

 private:
  smipc_rwlock* open() const {
    smipc_rwlock* handle = nullptr;
    EXPECT_OK(smipc_rwlock_open(path_.data(), path_.size(), SMIPC_ACCESS_USER, &handle));
    return handle;
  }

  static std::uint32_t lock(smipc_rwlock* handle, std::uint32_t mode) {
    std::uint32_t cut_off = 0;
    EXPECT_OK(smipc_rwlock_lock(handle, mode, kLong, &cut_off));
    return cut_off;
  }

  const Plan& plan_;
  std::string path_;
  smipc_rwlock* survivor_ = nullptr;
  smipc_rwlock* victim_ = nullptr;
  std::thread thread_;
  std::uint32_t cut_off_ = 0;
};

const Plan kPlans[] = {
    {"lock_exclusive", kNone, SMIPC_EXCLUSIVE, kNone, false},
    {"lock_shared", kNone, SMIPC_SHARED, kNone, false},
    {"lock_shared_beside_another", kNone, SMIPC_SHARED, SMIPC_SHARED, false},
    {"lock_exclusive_asleep", kNone, SMIPC_EXCLUSIVE, SMIPC_EXCLUSIVE, false},
    {"lock_shared_asleep", kNone, SMIPC_SHARED, SMIPC_EXCLUSIVE, false},
    {"unlock_exclusive", SMIPC_EXCLUSIVE, kNone, kNone, false},
    {"unlock_shared", SMIPC_SHARED, kNone, kNone, false},
    {"unlock_exclusive_wakes", SMIPC_EXCLUSIVE, kNone, kNone, true},
    {"unlock_shared_wakes", SMIPC_SHARED, kNone, kNone, true},
};

class KillHolder : public testing::TestWithParam<Plan> {};
INSTANTIATE_TEST_SUITE_P(AtEveryInstruction, KillHolder, testing::ValuesIn(kPlans),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_P(KillHolder, of) {
  const Plan& plan = GetParam();
  expect_survived(plan.name, [&](std::int64_t*) { return std::make_unique<KilledHolder>(plan); });
}

}  // namespace
}  // namespace smipc::test

#endif
