// See kill_queue_support.hpp.
#include "kill_queue_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <algorithm>

#include "core/queue_repair.h"

namespace smipc::test {
namespace {

constexpr std::int64_t kNobodyWaitsThisLong = 5'000 * kMillisecond;

void yield() { std::this_thread::yield(); }

bool is_announced(const MessageQueue& queue, detail::QueueWait who) {
  return (queue.inside().wait_word(who).load() & detail::kWaiting) != 0;
}

std::vector<std::uint32_t> words_in_hand(const MessageQueue& queue) {
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < queue.inside().shape.max_messages; ++i) {
    const std::uint32_t word = queue.inside().slot(i).word.load();
    if (detail::slot_member(word) != 0) words.push_back(word);
  }
  return words;
}

}  // namespace

KilledMember::KilledMember(const QueuePlan& plan, std::int64_t* told)
    : plan_(plan), told_(told), name_(unique_name(plan.name)) {}

KilledMember::~KilledMember() {
  stop_ = true;
  if (peer_.joinable()) peer_.join();
}

void KilledMember::give(MessageQueue& queue, std::uint64_t number, std::uint32_t priority,
                        bool waits) {
  const std::vector<std::uint64_t> words(plan_.words, number);
  EXPECT_OK(queue.send(words.data(), words.size() * 8, priority, waits ? kLong : 0)) << number;
}

std::uint64_t KilledMember::get(MessageQueue& queue) {
  Message message;
  EXPECT_OK(queue.receive(&message));
  EXPECT_EQ(plan_.words * 8, message.size);
  for (std::size_t i = 0; i < message.size / 8; ++i) {
    EXPECT_EQ(message.words[0], message.words[i]) << "torn";
  }
  return message.words[0];
}

void KilledMember::before() {
  if (!plan_.survivor_before) return;
  survivor_.emplace(name_, plan_.shape());
  for (std::size_t i = 0; i < plan_.earlier.size(); ++i) {
    give(*survivor_, i + 1, plan_.earlier[i], false);
    given_.push_back({i + 1, plan_.earlier[i]});
  }
}

void KilledMember::prepare() {
  if (!plan_.victim_before) return;
  if (plan_.survivor_before) {
    victim_.emplace(name_);
  } else {
    victim_.emplace(name_, plan_.shape());
  }
}

void KilledMember::prepared() {
  if (plan_.first != nullptr) victim(name_, plan_.first);
  if (plan_.peer == Does::kNothing) return;
  peer_ = std::thread([this] { be_peer(); });
  if (plan_.peer == Does::kContends) return;
  detail::QueueWait who = detail::QueueWait::kReceivers;
  if (plan_.peer == Does::kSends) who = detail::QueueWait::kSenders;
  if (plan_.peer == Does::kWatches) who = detail::QueueWait::kWatchers;
  while (!is_announced(*survivor_, who)) yield();
}

void KilledMember::be_peer() {
  if (plan_.peer == Does::kReceives) {
    peer_got_ = get(*survivor_);
  } else if (plan_.peer == Does::kSends) {
    give(*survivor_, kPeers, 0, true);
  } else if (plan_.peer == Does::kWatches) {
    EXPECT_OK(smipc_message_queue_wait(survivor_->handle(), kLong));
  }
  while (plan_.peer == Does::kContends && !stop_) {
    if (lock(survivor_->inside()) != SMIPC_OK) continue;
    detail::queue_unlock(survivor_->inside());
    peer_done_ns_ = now_ns();
    yield();
  }
  peer_done_ns_ = now_ns();
}

bool KilledMember::asleep() {
  if (plan_.help == Does::kNothing) return false;
  helped_ = true;
  for (std::uint64_t i = 0; i < plan_.helps; ++i) {
    if (plan_.help == Does::kReceives) {
      received_.push_back(get(*survivor_));
    } else {
      give(*survivor_, kHelpers + i, 0, false);
      given_.push_back({kHelpers + i, 0});
    }
  }
  return true;
}

// It may be stopped for as long as it likes: what it holds stays its own.
void KilledMember::stopped() {
  if (!plan_.must_look_alive) return;
  const std::vector<std::uint32_t> words = words_in_hand(*survivor_);
  const std::uint32_t repairs = survivor_->status().repairs;
  const std::int64_t until_ns = now_ns() + 50 * kMillisecond;
  do {
    if (lock(survivor_->inside()) == SMIPC_OK) detail::queue_unlock(survivor_->inside());
    detail::queue_look_for_dead(survivor_->inside(), true);
  } while (survivor_->inside().shm->lock.load() != 0 && now_ns() < until_ns);
  if (plan_.first == nullptr) {
    EXPECT_EQ(words, words_in_hand(*survivor_)) << "taken from one that lives";
  }
  EXPECT_EQ(repairs, survivor_->status().repairs) << "one that lives was taken for dead";
}

// With no more than a look: whether there is nothing for the peer, and nobody dead in its way.
bool KilledMember::rightly_blocked() const {
  const Queue& queue = survivor_->inside();
  const SlotState wanted = plan_.peer == Does::kSends ? SlotState::kReady : SlotState::kFree;
  for (std::uint32_t i = 0; i < queue.shape.max_messages; ++i) {
    if (detail::slot_state(queue.slot(i).word.load()) != wanted) return false;
  }
  return plan_.peer != Does::kContends && queue.shm->lock.load() == 0;
}

void KilledMember::await_peer() {
  const std::int64_t since = now_ns();
  const auto is_done = [&] {
    return plan_.peer == Does::kContends ? peer_done_ns_ > since : peer_done_ns_ != 0;
  };
  while (!is_done() && !rightly_blocked()) {
    ASSERT_LT(now_ns() - since, kNobodyWaitsThisLong) << "waits for the dead";
    yield();
  }
  *told_ = is_done() ? std::max(std::int64_t{0}, peer_done_ns_ - since) : now_ns() - since;
  if (is_done()) {
    // It has what it waited for.
  } else if (plan_.peer == Does::kSends) {
    received_.push_back(get(*survivor_));
  } else {
    give(*survivor_, kLate, 0, false);
    given_.push_back({kLate, 0});
  }
  stop_ = true;
  peer_.join();
  if (plan_.peer == Does::kReceives) received_.push_back(peer_got_);
  if (plan_.peer == Does::kSends) given_.push_back({kPeers, 0});
}

void KilledMember::after(bool finished) {
  const std::int64_t since = now_ns();
  if (peer_.joinable()) await_peer();
  if (!survivor_) survivor_.emplace(name_, plan_.shape());
  {
    std::optional<MessageQueue> newcomer;
    if (!plan_.name_may_go) newcomer.emplace(name_);
    MessageQueue& other = newcomer ? *newcomer : *survivor_;
    const std::vector<std::uint64_t> got = drain(other);
    if (plan_.peer == Does::kNothing) *told_ = now_ns() - since;
    check_messages(got, finished);
    check_capacity(other);
  }
  check_name();
}

std::vector<std::uint64_t> KilledMember::drain(MessageQueue& queue) {
  std::vector<std::uint64_t> got;
  Message message;
  while (queue.receive(&message, 0) == SMIPC_OK) {
    EXPECT_EQ(plan_.words * 8, message.size);
    for (std::size_t i = 0; i < message.size / 8; ++i) {
      EXPECT_EQ(message.words[0], message.words[i]) << "torn";
    }
    got.push_back(message.words[0]);
  }
  EXPECT_EQ(0u, queue.status().current_messages);
  EXPECT_EQ(0u, queue.status().in_hand);
  return got;
}

// All that was sent, as it has to be received.
std::vector<std::uint64_t> KilledMember::in_order() const {
  std::vector<Given> all = given_;
  if (plan_.does == Does::kSends) {
    const auto at = std::find_if(all.begin(), all.end(),
                                 [](const Given& each) { return each.number >= kVictims; });
    all.insert(at, {kVictims, plan_.priority});
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Given& a, const Given& b) { return a.priority > b.priority; });
  std::vector<std::uint64_t> numbers;
  for (const Given& each : all) numbers.push_back(each.number);
  return numbers;
}

void KilledMember::check_messages(const std::vector<std::uint64_t>& got, bool finished) {
  std::vector<std::uint64_t> expected = in_order();
  const std::uint64_t first = expected.empty() ? 0 : expected.front();
  const auto has = [](const std::vector<std::uint64_t>& all, std::uint64_t number) {
    return std::find(all.begin(), all.end(), number) != all.end();
  };
  for (const std::uint64_t number : received_) {
    EXPECT_EQ(1, std::erase(expected, number)) << "invented, or twice: " << number;
  }
  if (plan_.does == Does::kSends && !has(got, kVictims)) {
    EXPECT_TRUE(!finished || has(received_, kVictims)) << "accepted, and lost";
    std::erase(expected, kVictims);
  }
  if (plan_.does == Does::kReceives) {
    std::vector<std::uint64_t> taken;
    for (const std::uint64_t number : expected) {
      if (!has(got, number)) taken.push_back(number);
    }
    EXPECT_LE(taken.size(), 1u) << "lost";
    if (finished) {
      EXPECT_EQ(1u, taken.size()) << "delivered, and comes again";
    }
    if (!helped_ && plan_.peer == Does::kNothing && !taken.empty()) {
      EXPECT_EQ(first, taken.front()) << "lost";
    }
    for (const std::uint64_t number : taken) std::erase(expected, number);
  }
  EXPECT_EQ(expected, got);
}

// No slot has been lost to the dead.
void KilledMember::check_capacity(MessageQueue& queue) {
  std::vector<std::uint64_t> sent;
  for (std::size_t i = 0; i < plan_.room(); ++i) {
    give(queue, i, 0, false);
    sent.push_back(i);
  }
  EXPECT_EQ(plan_.room(), queue.status().current_messages);
  EXPECT_STATUS(SMIPC_E_TIMED_OUT, queue.send("x", 1, 0, 0));
  EXPECT_EQ(sent, drain(queue));
}

void KilledMember::check_name() {
  survivor_.reset();
  if (plan_.survivor_before && !plan_.name_may_go) {
    EXPECT_FILES(0u, name_);
  }
  {
    MessageQueue fresh(name_, plan_.shape());
    put(fresh, 1);
    EXPECT_EQ(1u, take(fresh));
    EXPECT_OK(smipc_message_queue_unlink(name_.data(), name_.size()));
  }
  EXPECT_FILES(0u, name_);
  std::size_t removed = 0;  // what was unlinked by the dead may be there under another name
  EXPECT_OK(smipc_clean_stale(&removed));
}

}  // namespace smipc::test

#endif
