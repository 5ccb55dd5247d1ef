// Semaphores and shared memory through the C ABI and smipc.hpp: bad input, threads that close, forks.
#include <smipc.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "status_of_call.hpp"
#include "support.hpp"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace smipc::test {
namespace {

SemaphoreOptions new_semaphore(std::uint32_t value) {
  return {.initial_value = value, .existence = Existence::kRaiseIfExists};
}

TEST(Semaphore, counts) {
  const std::string name = object_name("object");
  Semaphore semaphore(name, new_semaphore(2));
  EXPECT_TRUE(semaphore.created());
  EXPECT_TRUE(semaphore.try_acquire());
  semaphore.acquire();
  EXPECT_FALSE(semaphore.try_acquire());
  EXPECT_FALSE(semaphore.acquire(std::chrono::milliseconds(5)));
  semaphore.release(3);
  EXPECT_EQ(semaphore.value(), 3u);
  Semaphore other(name);
  EXPECT_FALSE(other.created());
  other.acquire();
  EXPECT_EQ(semaphore.value(), 2u);
}

TEST(Semaphore, is_a_lockable) {
  Semaphore semaphore(object_name("object"), new_semaphore(1));
  int inside = 0;
  int most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 1000; ++turn) {
        const std::scoped_lock lock(semaphore);
        most = std::max(most, ++inside);
        if (turn % 100 == 0)
          std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the others go to sleep, too
        --inside;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(semaphore.value(), 1u);
}

TEST(Semaphore, close_ends_the_wait_of_another_thread) {
  Semaphore semaphore(object_name("object"), new_semaphore(0));
  std::atomic<bool> begun = false;
  std::thread waiter([&] {
    begun = true;
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { semaphore.acquire(); }));
  });
  while (!begun) std::this_thread::yield();
  semaphore.close();
  waiter.join();
  EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { semaphore.release(); }));
  EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)semaphore.value(); }));
  semaphore.close();
}

TEST(Semaphore, refuses_more_than_it_can_count) {
  Semaphore semaphore(object_name("object"), new_semaphore(SMIPC_MAX_SEMAPHORE - 1));
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { semaphore.release(2); }));
  EXPECT_EQ(semaphore.value(), SMIPC_MAX_SEMAPHORE - 1u);
  semaphore.release();
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { semaphore.release(); }));
}

TEST(Semaphore, refuses_bad_input_by_name_and_value) {
  smipc_semaphore* out = nullptr;
  const auto open = [&](std::string_view name, std::uint32_t value,
                        const smipc_object_options* options) {
    return smipc_semaphore_open(name.data(), name.size(), value, options, nullptr, &out);
  };
  const auto expect_text = [](std::string_view part) {
    EXPECT_NE(std::string_view(smipc_last_error()).find(part), std::string_view::npos)
        << smipc_last_error();
  };
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_open(nullptr, 1, 1, nullptr, nullptr, &out));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_open("x", 1, 1, nullptr, nullptr, nullptr));
  for (const std::string_view bad : {"", "/", "a/b", "a.b", "a b", "\xc3\xa9"}) {
    EXPECT_STATUS(SMIPC_E_INVALID, open(bad, 1, nullptr));
  }
  EXPECT_STATUS(SMIPC_E_INVALID, open(std::string(201, 'x'), 1, nullptr));
  expect_text("201 bytes");
  EXPECT_STATUS(SMIPC_E_INVALID, open("name", 0x80000000u, nullptr));
  expect_text("semaphore '/name': the initial value must be 0 to 2147483647, not 2147483648");
  smipc_object_options options;
  smipc_object_options_init(&options);
  options.existence = 4;
  EXPECT_STATUS(SMIPC_E_INVALID, open("name", 1, &options));
  expect_text("no value of existence: 4");
  smipc_object_options_init(&options);
  options.unlink = 3;
  EXPECT_STATUS(SMIPC_E_INVALID, open("name", 1, &options));
  smipc_object_options_init(&options);
  options.access = 3;
  EXPECT_STATUS(SMIPC_E_INVALID, open("name", 1, &options));
  options.struct_size = 3;
  EXPECT_STATUS(SMIPC_E_INVALID, open("name", 1, &options));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, open(object_name("object"), 1, nullptr));
  EXPECT_EQ(out, nullptr);
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_acquire(nullptr, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_release(nullptr, 1));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_value(nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_close(nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_unlink_own(nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_unlink("a/b", 3));
  smipc_semaphore_free(nullptr);
  const std::string name = object_name("object");
  smipc_object_options_init(&options);
  options.existence = SMIPC_LINK_OR_CREATE;
  ASSERT_OK(open(name, 1, &options));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_acquire(out, -2));
  expect_text("a timeout of -2 ns");
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_release(out, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_semaphore_value(out, nullptr));
  EXPECT_STATUS(SMIPC_E_TIMED_OUT,
                (smipc_semaphore_acquire(out, 0), smipc_semaphore_acquire(out, 0)));
  expect_text("semaphore '/" + name + "': the timeout passed");
  smipc_semaphore_free(out);
}

TEST(SharedMemory, is_the_same_for_all) {
  const std::string name = object_name("object");
  SharedMemory memory(name, {.size_bytes = 4096, .existence = Existence::kRaiseIfExists});
  SharedMemory other(name);
  EXPECT_TRUE(memory.created());
  EXPECT_FALSE(other.created());
  ASSERT_EQ(other.size(), 4096u);
  memory.as<std::uint32_t>()[1023] = 7;
  EXPECT_EQ(other.as<std::uint32_t>()[1023], 7u);
  SharedMemory reader(name, {.read_only = true});
  EXPECT_EQ(reader.as<const std::uint32_t>()[1023], 7u);
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { (void)reader.as<int>(); }));
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { (void)reader.writable_bytes(); }));
  memory.close();
  EXPECT_EQ(memory.as<std::uint32_t>()[1023], 7u);
  EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { (void)memory.fd(); }));
}

TEST(SharedMemory, refuses_bad_input_by_name_and_value) {
  const std::string name = object_name("object");
  const auto open = [&](const MemoryOptions& options) {
    return status_of_call([&] { SharedMemory memory(name, options); });
  };
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, open({}));
  EXPECT_STATUS(SMIPC_E_INVALID, open({.existence = Existence::kLinkOrCreate}));
  EXPECT_STATUS(SMIPC_E_INVALID, open({.existence = Existence::kRaiseIfExists}));
  EXPECT_STATUS(SMIPC_E_INVALID, open({.size_bytes = 1, .read_only = true}));
  EXPECT_STATUS(SMIPC_E_INVALID,
                open({.read_only = true, .existence = Existence::kUnlinkAndCreate}));
  EXPECT_STATUS(SMIPC_E_INVALID,
                open({.size_bytes = SMIPC_MAX_MEMORY + 1, .existence = Existence::kLinkOrCreate}));
  EXPECT_STATUS(SMIPC_E_NO_SPACE,
                open({.size_bytes = SMIPC_MAX_MEMORY, .existence = Existence::kLinkOrCreate}));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, open({}));
  smipc_memory* out = nullptr;
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_open("x", 1, 1, 2, nullptr, nullptr, &out));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_open("x", 1, 1, 0, nullptr, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_data(nullptr, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_fd(nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_close(nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_memory_unlink_own(nullptr));
  smipc_memory_free(nullptr);
}

#if !defined(_WIN32)
TEST(NamedObjects, a_forked_child_uses_them_and_never_unlinks) {
  const std::string name = object_name("object");
  Semaphore semaphore(name, new_semaphore(0));
  SharedMemory memory(name, {.size_bytes = 64, .existence = Existence::kRaiseIfExists});
  const pid_t child = ::fork();
  if (child == 0) {
    memory.as<int>()[0] = 5;
    semaphore.release();
    {
      const Semaphore gone = std::move(semaphore);
    }
    {
      const SharedMemory gone = std::move(memory);
    }
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  semaphore.acquire();
  EXPECT_EQ(memory.as<int>()[0], 5);
  EXPECT_EQ(Semaphore(name).value(), 0u);
  EXPECT_EQ(SharedMemory(name).size(), 64u);
}

TEST(NamedObjects, who_frees_the_creator_removes_the_name) {
  const std::string name = object_name("object");
  {
    Semaphore semaphore(name, new_semaphore(0));
    SharedMemory memory(name, {.size_bytes = 64, .existence = Existence::kRaiseIfExists});
    Semaphore other(name);
  }
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { Semaphore semaphore(name); }));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { SharedMemory memory(name); }));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { Semaphore::unlink(name); }));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { SharedMemory::unlink(name); }));
}

TEST(NamedObjects, access_is_for_the_user_unless_said_otherwise) {
  const std::string name = object_name("object");
  SharedMemory memory(
      name, {.size_bytes = 64, .existence = Existence::kRaiseIfExists, .access = Access::kAll});
  Semaphore semaphore(name, {.existence = Existence::kRaiseIfExists, .access = Access::kGroup});
  EXPECT_EQ(::system(("test $(stat -c %a /dev/shm/" + name + ") = 666").c_str()), 0);
  EXPECT_EQ(::system(("test $(stat -c %a /dev/shm/sem." + name + ") = 660").c_str()), 0);
}
#endif

}  // namespace
}  // namespace smipc::test
