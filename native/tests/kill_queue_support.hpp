// A member of a message queue that is killed at any instruction of a call, and what the others find.
#pragma once

#include "kill_support.hpp"

#if defined(SMIPC_TEST_STEPPING)

#include <atomic>
#include <optional>
#include <vector>

#include "message_queue_support.hpp"

namespace smipc::test {

inline constexpr std::size_t kSmallWords = 3;
inline constexpr std::size_t kLargeWords = 375;  // more than is copied inside the lock

// Numbers of messages. Those that are there before the call begin with 1.
inline constexpr std::uint64_t kVictims = 1000;
inline constexpr std::uint64_t kPeers = 2000;
inline constexpr std::uint64_t kHelpers = 3000;
inline constexpr std::uint64_t kLate = 4000;

enum class Does : std::uint8_t { kNothing, kSends, kReceives, kWatches, kContends };

struct QueuePlan {
  const char* name;
  std::function<void(const QueuePlan& plan, const std::string& name,
                     std::optional<MessageQueue>& victim)>
      call;
  Does does = Does::kNothing;               // what the call does to messages: sends or receives one
  std::vector<std::uint32_t> earlier = {};  // priorities of the messages that are there before it
  std::uint32_t priority = 0;               // of the victim's message
  std::size_t words = kSmallWords;          // of every message
  Does peer = Does::kNothing;               // what a survivor is in meanwhile
  Does help = Does::kNothing;               // what a survivor does when the victim sleeps
  std::uint64_t helps = 1;                  // how often
  // What somebody does who is killed right before the call.
  void (*first)(MessageQueue&) = nullptr;
  bool victim_before = true;    // it has the queue open before the call
  bool survivor_before = true;  // ... and a survivor, who has created it
  bool name_may_go = false;
  bool must_look_alive = false;  // where it is stopped, nobody may take it for dead

  Shape shape() const { return {4, kLargeWords * 8}; }
  std::size_t room() const { return shape().max_messages; }
};

class KilledMember : public Scenario {
 public:
  KilledMember(const QueuePlan& plan, std::int64_t* told);
  ~KilledMember() override;

  void before() override;
  void prepare() override;
  void prepared() override;
  void call() override { plan_.call(plan_, name_, victim_); }
  bool asleep() override;
  void stopped() override;
  void after(bool finished) override;

 private:
  struct Given {
    std::uint64_t number;
    std::uint32_t priority;
  };
  void give(MessageQueue& queue, std::uint64_t number, std::uint32_t priority, bool waits);
  std::uint64_t get(MessageQueue& queue);
  void be_peer();
  void await_peer();
  bool rightly_blocked() const;
  std::vector<std::uint64_t> drain(MessageQueue& queue);
  std::vector<std::uint64_t> in_order() const;
  void check_messages(const std::vector<std::uint64_t>& got, bool finished);
  void check_capacity(MessageQueue& queue);
  void check_name();

  const QueuePlan& plan_;
  std::int64_t* told_;
  std::string name_;
  std::optional<MessageQueue> survivor_;
  std::optional<MessageQueue> victim_;
  std::vector<Given> given_;             // in the order in which they were sent
  std::vector<std::uint64_t> received_;  // by survivors, before they look at what is left
  std::thread peer_;
  std::atomic<std::uint64_t> peer_got_{0};
  std::atomic<std::int64_t> peer_done_ns_{0};
  std::atomic<bool> stop_{false};
  bool helped_ = false;
};

}  // namespace smipc::test

#endif
