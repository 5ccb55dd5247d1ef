// Locks between processes and locked structures through the C ABI and smipc.hpp.
#include <smipc.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <shared_mutex>

#include "core/lock_page.h"
#include "in_folder.hpp"
#include "status_of_call.hpp"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace smipc::test {
namespace {

struct Header {
  std::uint16_t code;
  double last_update;
};
struct Numbers {
  Header header;
  std::int64_t a;
  std::int64_t b;
};

using RwLockTest = InFolder;
using StructureTest = InFolder;

TEST_F(RwLockTest, shared_excludes_exclusive_between_handles) {
  RwLock first(path("lock"));
  RwLock second(path("lock"));
  {
    const std::shared_lock reading(first);
    const std::shared_lock other(second);
    RwLock third(path("lock"));
    EXPECT_FALSE(third.try_lock());
    EXPECT_FALSE(third.try_lock(std::chrono::milliseconds(5)));
    EXPECT_TRUE(third.try_lock_shared());
    third.unlock_shared();
  }
  const std::scoped_lock editing(first);
  EXPECT_FALSE(second.try_lock_shared());
}

TEST_F(RwLockTest, threads_of_one_handle_take_turns) {
  RwLock lock(path("lock"));
  int number = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2000; ++turn) {
        const std::scoped_lock editing(lock);
        ++number;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number, 8000);
}

// As an editor leaves it that died in an edit.
void make_cut_off(const std::string& path, std::uint32_t pid) {
  detail::LockPageShm page = {};
  page.magic = detail::kLockMagic;
  page.layout_version = detail::kLockLayoutVersion;
  page.editor_pid = pid;
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(&page), sizeof page);
}

// They store it at the same time, which ThreadSanitizer looks at.
TEST_F(RwLockTest, threads_that_share_it_are_told_who_was_cut_off) {
  make_cut_off(path("lock"), 4711);
  RwLock lock(path("lock"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 500; ++turn) {
        const std::shared_lock reading(lock);
        EXPECT_EQ(lock.cut_off_pid(), 4711u);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(RwLockTest, moves_while_it_is_held) {
  make_cut_off(path("lock"), 4711);
  RwLock first(path("lock"));
  first.lock();
  RwLock second(std::move(first));
  EXPECT_EQ(second.cut_off_pid(), 4711u);
  first = std::move(second);
  EXPECT_EQ(first.cut_off_pid(), 4711u);
  EXPECT_FALSE(RwLock(path("lock")).try_lock());
  first.unlock();
  EXPECT_TRUE(first.try_lock());
  EXPECT_EQ(first.cut_off_pid(), 0u);
}

TEST_F(RwLockTest, threads_with_handles_of_their_own_take_turns) {
  std::int64_t number = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      RwLock lock(path("lock"));
      for (int turn = 0; turn < 2000; ++turn) {
        const std::scoped_lock editing(lock);
        // The OS orders what the lock guards, which ThreadSanitizer does not know.
        std::atomic_ref(number).store(std::atomic_ref(number).load(std::memory_order_relaxed) + 1,
                                      std::memory_order_relaxed);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(number, 8000);
}

TEST_F(RwLockTest, refuses_bad_input_by_path_and_value) {
  smipc_rwlock* lock = nullptr;
  const std::string name = path("lock");
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_open(nullptr, 1, 0, &lock));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_open("x", 1, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_open("", 0, 0, &lock));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_open("a\0b", 3, 0, &lock));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_open(name.data(), name.size(), 3, &lock));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, status_of_call([&] { RwLock missing(path("no/lock")); }));
  ASSERT_OK(smipc_rwlock_open(name.data(), name.size(), SMIPC_ACCESS_USER, &lock));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_lock(nullptr, 0, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_lock(lock, 2, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_lock(lock, 0, -2, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_unlock(lock));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_unlock(nullptr));
  ASSERT_OK(smipc_rwlock_lock(lock, SMIPC_EXCLUSIVE, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_BUSY, smipc_rwlock_lock(lock, SMIPC_EXCLUSIVE, SMIPC_FOREVER, nullptr));
  EXPECT_OK(smipc_rwlock_close(lock));
  EXPECT_OK(smipc_rwlock_close(lock));
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_rwlock_lock(lock, SMIPC_SHARED, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_rwlock_close(nullptr));
  smipc_rwlock_free(lock);
  smipc_rwlock_free(nullptr);
}

TEST_F(RwLockTest, a_thread_that_shares_it_with_itself_is_refused_an_exclusive_lock) {
  constexpr auto kSecond = std::chrono::seconds(1);
  RwLock lock(path("lock"));
  lock.lock_shared();
  lock.lock_shared();
  EXPECT_STATUS(SMIPC_E_BUSY, status_of_call([&] { (void)lock.try_lock(kSecond); }));
  lock.unlock_shared();
  EXPECT_STATUS(SMIPC_E_BUSY, status_of_call([&] { (void)lock.try_lock(kSecond); }));
  lock.unlock_shared();
  EXPECT_TRUE(lock.try_lock());
}

TEST_F(RwLockTest, close_ends_the_wait_of_another_thread) {
  RwLock holder(path("lock"));
  RwLock waiter(path("lock"));
  const std::scoped_lock held(holder);
  std::atomic<bool> begun = false;
  std::thread thread([&] {
    begun = true;
    EXPECT_STATUS(SMIPC_E_CLOSED, status_of_call([&] { waiter.lock(); }));
  });
  while (!begun) std::this_thread::yield();
  waiter.close();
  thread.join();
}

TEST_F(RwLockTest, a_page_full_of_nonsense_delays_and_misreports_but_does_not_break_it) {
  {
    RwLock maker(path("lock"));
  }
  detail::LockPageShm page = {};
  page.magic = detail::kLockMagic;
  page.layout_version = detail::kLockLayoutVersion;
  page.editor_pid = 0xffffffff;
  page.wake_word = 0xffffffff;
  page.generation = 0xffffffff;
  page.writer_until_ns = UINT64_MAX;
  page.edits = UINT64_MAX;
  std::fstream file(path("lock"), std::ios::in | std::ios::out | std::ios::binary);
  file.write(reinterpret_cast<const char*>(&page), sizeof page);
  file.close();
  RwLock first(path("lock"));
  RwLock second(path("lock"));
  {
    const std::shared_lock reading(first);
    EXPECT_EQ(first.cut_off_pid(), 0xffffffffu);
    EXPECT_FALSE(second.try_lock(std::chrono::milliseconds(30)));
  }
  {
    const std::scoped_lock editing(second);
  }
  const std::shared_lock reading(first);
  EXPECT_EQ(first.cut_off_pid(), 0u);
}

TEST_F(RwLockTest, refuses_a_page_of_another_kind_or_version) {
  for (const auto& [magic, version, expected] :
       {std::tuple{std::uint64_t{1}, 1u, SMIPC_E_NOT_SMIPC},
        std::tuple{detail::kLockMagic, 99u, SMIPC_E_VERSION}}) {
    detail::LockPageShm page = {};
    page.magic = magic;
    page.layout_version = version;
    std::ofstream file(path("lock"), std::ios::binary);
    file.write(reinterpret_cast<const char*>(&page), sizeof page);
    file.close();
    EXPECT_STATUS(expected, status_of_call([&] { RwLock lock(path("lock")); }));
  }
}

TEST_F(StructureTest, is_shared_and_locked) {
  const StructureOptions options = {.code = 7};
  LockedStructure<Numbers>::create(path("n"), options);
  LockedStructure<Numbers> numbers(path("n"), options);
  LockedStructure<Numbers> other(path("n"), {.code = 7, .read_only = true});
  {
    const auto now = numbers.edit();
    now->a = 3;
    now.touch();
    EXPECT_THROW((void)other.read(no_wait), TimedOut);
  }
  const auto now = other.read();
  EXPECT_EQ(now->a, 3);
  EXPECT_EQ(now->header.code, 7);
  EXPECT_GT(now->header.last_update, 0);
  EXPECT_EQ(now.cut_off_pid(), 0u);
  EXPECT_THROW((void)numbers.edit(std::chrono::milliseconds(5)), TimedOut);
  EXPECT_STATUS(SMIPC_E_INVALID, status_of_call([&] { (void)other.edit(no_wait); }));
}

#if !defined(_WIN32)
TEST_F(StructureTest, force_replaces_it_for_everybody_at_the_next_lock) {
  LockedStructure<Numbers>::create(path("n"));
  LockedStructure<Numbers> numbers(path("n"));
  const std::int64_t* old = nullptr;
  {
    const auto now = numbers.edit();
    now->a = 3;
    old = &now->a;
  }
  EXPECT_STATUS(SMIPC_E_EXISTS,
                status_of_call([&] { LockedStructure<Numbers>::create(path("n")); }));
  LockedStructure<Numbers>::create(path("n"), {}, true);
  EXPECT_EQ(*old, 3);  // still mapped
  EXPECT_EQ(numbers.read()->a, 0);
  EXPECT_EQ(*old, 3);
}

// Each mapping would stay until the handle is freed: a process has some 65,000 of them.
TEST_F(StructureTest, who_says_that_it_was_replaced_when_it_was_not_gets_nothing_mapped) {
  LockedStructure<Numbers>::create(path("n"));
  LockedStructure<Numbers> numbers(path("n"));
  const std::int64_t* const first = &numbers.read()->a;
  detail::LockPageShm page = {};
  page.magic = detail::kLockMagic;
  page.layout_version = detail::kLockLayoutVersion;
  page.editor_pid = 99;
  for (std::uint32_t lie = 1000; lie < 1004; ++lie) {
    page.generation = lie;
    std::fstream file(path("n.lock"), std::ios::in | std::ios::out | std::ios::binary);
    file.write(reinterpret_cast<const char*>(&page), sizeof page);
    file.close();
    EXPECT_EQ(&numbers.read()->a, first);
  }
  LockedStructure<Numbers>::create(path("n"), {}, true);
  EXPECT_NE(&numbers.read()->a, first);
}

TEST_F(StructureTest, a_killed_editor_is_told_and_a_forked_child_has_no_lock) {
  LockedStructure<Numbers>::create(path("n"));
  LockedStructure<Numbers> numbers(path("n"));
  const pid_t child = ::fork();
  if (child == 0) {
    const auto now = numbers.edit();
    now->a = 1;
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(numbers.read().cut_off_pid(), static_cast<std::uint32_t>(child));
  {
    const auto now = numbers.edit();
    EXPECT_EQ(now.cut_off_pid(), static_cast<std::uint32_t>(child));
    const pid_t second = ::fork();
    if (second == 0) {
      int failed = 0;
      try {
        (void)numbers.edit(no_wait);
        failed = 1;
      } catch (const TimedOut&) {
      }
      ::_exit(failed);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(second, &status, 0), second);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(numbers.read().cut_off_pid(), 0u);
}

TEST_F(StructureTest, who_backs_out_has_mended_nothing) {
  const std::string name = path("n");
  LockedStructure<Numbers>::create(name);
  const pid_t child = ::fork();
  if (child == 0) {
    LockedStructure<Numbers> numbers(name);
    const auto now = numbers.edit();
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  smipc_structure* structure = nullptr;
  ASSERT_OK(smipc_structure_open(name.data(), name.size(), sizeof(Numbers), nullptr, &structure));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_back_out(structure)) << "it is not locked";
  std::uint32_t pid = 0;
  const auto lock = [&](std::uint32_t mode) {
    EXPECT_OK(smipc_structure_lock(structure, mode, 0, &pid, nullptr));
    return pid;
  };
  for (int round = 0; round < 2; ++round) {
    for (const std::uint32_t mode : {SMIPC_EXCLUSIVE, SMIPC_SHARED}) {
      EXPECT_EQ(lock(mode), static_cast<std::uint32_t>(child));
      EXPECT_OK(smipc_structure_back_out(structure));
    }
  }
  EXPECT_EQ(lock(SMIPC_EXCLUSIVE), static_cast<std::uint32_t>(child));
  EXPECT_OK(smipc_structure_unlock(structure));
  EXPECT_EQ(lock(SMIPC_EXCLUSIVE), 0u);
  EXPECT_OK(smipc_structure_back_out(structure));
  EXPECT_EQ(lock(SMIPC_SHARED), 0u);
  smipc_structure_free(structure);
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_back_out(nullptr));
}
#endif

TEST_F(StructureTest, refuses_bad_input_by_path_and_value) {
  smipc_structure* out = nullptr;
  const std::string name = path("n");
  const auto open = [&](std::uint64_t size, const smipc_structure_options* options) {
    return smipc_structure_open(name.data(), name.size(), size, options, &out);
  };
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_open(nullptr, 1, 32, nullptr, &out));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_open("x", 1, 32, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, open(15, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, open(SMIPC_MAX_STRUCTURE + 1, nullptr));
  EXPECT_STATUS(SMIPC_E_NOT_FOUND, open(32, nullptr));
  smipc_structure_options options;
  smipc_structure_options_init(&options);
  options.code = 65536;
  EXPECT_STATUS(SMIPC_E_INVALID, open(32, &options));
  smipc_structure_options_init(&options);
  options.access = 3;
  EXPECT_STATUS(SMIPC_E_INVALID, open(32, &options));
  smipc_structure_options_init(&options);
  options.read_only = 2;
  EXPECT_STATUS(SMIPC_E_INVALID, open(32, &options));
  options.struct_size = 2;
  EXPECT_STATUS(SMIPC_E_INVALID, open(32, &options));
  const auto create = [&](std::uint32_t force, std::int64_t timeout_ns) {
    return smipc_structure_create(name.data(), name.size(), 32, force, timeout_ns, nullptr);
  };
  EXPECT_STATUS(SMIPC_E_INVALID, create(2, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, create(0, -2));
  EXPECT_OK(create(0, 0));
  EXPECT_STATUS(SMIPC_E_EXISTS, create(0, 0));
  EXPECT_STATUS(SMIPC_E_INVALID, open(40, nullptr));
  smipc_structure_options_init(&options);
  options.code = 5;
  EXPECT_STATUS(SMIPC_E_INVALID, open(32, &options));
  ASSERT_OK(open(32, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_lock(out, 2, 0, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_lock(out, 0, -2, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_lock(nullptr, 0, 0, nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_enter(nullptr, 0, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_unlock(out));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_unlock(nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_data(out, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_data(nullptr, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_cut_off(out, nullptr));
  EXPECT_STATUS(SMIPC_E_INVALID, smipc_structure_close(nullptr));
  EXPECT_OK(smipc_structure_close(out));
  void* data = nullptr;
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_structure_data(out, &data));
  EXPECT_STATUS(SMIPC_E_CLOSED, smipc_structure_lock(out, 0, 0, nullptr, nullptr));
  smipc_structure_free(out);
  smipc_structure_free(nullptr);
}

}  // namespace
}  // namespace smipc::test
