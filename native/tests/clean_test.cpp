// smipc_clean on handles of every kind but channels, which library_test.cpp has.
#include <smipc.hpp>

#include <atomic>
#include <filesystem>

#include "in_folder.hpp"
#include "status_of_call.hpp"

namespace smipc::test {
namespace {

struct Numbers {
  struct {
    std::uint16_t code;
    double last_update;
  } header;
  std::int64_t a;
};

using Clean = InFolder;

TEST_F(Clean, closes_handles_of_every_kind) {
  const std::string buffer_name = unique_name("clean");
  CircularBufferWriter writer(buffer_name, {.item_size = 8, .length = 4});
  CircularBufferReader reader(buffer_name);
  Semaphore semaphore(object_name("clean"),
                      {.initial_value = 1, .existence = Existence::kRaiseIfExists});
  SharedMemory memory(object_name("clean"),
                      {.size_bytes = 100, .existence = Existence::kRaiseIfExists});
  const std::string queue_name = object_name("clean");
  MessageQueue queue(queue_name, {.existence = Existence::kRaiseIfExists});
  RwLock lock(path("lock"));
  LockedStructure<Numbers>::create(path("numbers"));
  LockedStructure<Numbers> numbers(path("numbers"));
  RwLock other(path("lock"));
  lock.lock();

  for (int round = 0; round < 2; ++round) {
    EXPECT_OK(smipc_clean());
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { writer.push_int(1); }));
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)reader.pop_int(); }));
    EXPECT_FILES(0u, buffer_name);
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)semaphore.try_acquire(); }));
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { queue.send("x"); }));
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)lock.try_lock(); }));
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { const auto now = numbers.edit(); }));
#if !defined(_WIN32)
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)memory.fd(); }));
#endif
  }
  memory.writable_bytes()[99] = std::byte{1};  // what is mapped stays
  RwLock later(path("lock"));
  EXPECT_TRUE(later.try_lock());  // and what was held has been given back
}

TEST_F(Clean, may_race_with_those_who_open_and_free) {
  constexpr int kRounds = kSanitized ? 100 : 500;
  std::atomic<int> running{2};
  const auto open_and_free = [&] {
    for (int round = 0; round < kRounds; ++round) {
      Semaphore semaphore(object_name("clean"),
                          {.initial_value = 1, .existence = Existence::kRaiseIfExists});
      const Status status = status_of_call([&] { semaphore.acquire(); });
      EXPECT_TRUE(status == SMIPC_OK || status == SMIPC_E_CLOSED) << status;
      CircularBufferWriter writer(unique_name("clean"));
      status_of_call([] {
        MessageQueue queue(object_name("clean"), {.existence = Existence::kRaiseIfExists});
      });
    }
    --running;
  };
  std::thread first(open_and_free);
  std::thread second(open_and_free);
  while (running > 0) EXPECT_OK(smipc_clean());
  first.join();
  second.join();
}

TEST_F(Clean, in_a_forked_child_leaves_the_parents_alone) {
  NEEDS_PROCESSES();
  const std::string name = unique_name("clean");
  CircularBufferWriter writer(name, {.item_size = 8, .length = 4});
  RwLock lock(path("lock"));
  lock.lock();
  Companion child(Place::kProcess, [&] { EXPECT_OK(smipc_clean()); });
  child.join();
  writer.push_int(1);
  EXPECT_FILES(1u, name);
  RwLock other(path("lock"));
  EXPECT_FALSE(other.try_lock());
  lock.unlock();
}

}  // namespace
}  // namespace smipc::test
