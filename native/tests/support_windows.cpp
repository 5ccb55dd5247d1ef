// See support.hpp: what tests need of Windows. Companions are threads there.
#include <windows.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "support.hpp"

namespace smipc::test {
namespace {

std::mutex g_mutex;
std::condition_variable g_changed;
std::string g_current_test;
std::uint64_t g_tests = 0;  // begun and ended ones

void watch(std::uint64_t number) {
  std::unique_lock<std::mutex> guard(g_mutex);
  const auto over = [number] { return g_tests != number; };
  if (g_changed.wait_for(guard, std::chrono::seconds(kWatchdogSeconds), over)) return;
  std::fprintf(stderr, "watchdog: this test hangs: %s\n", g_current_test.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace

void watch_over(const std::string& test) {
  const std::lock_guard<std::mutex> guard(g_mutex);
  g_current_test = test;
  std::thread(watch, ++g_tests).detach();
}

void watch_no_more() {
  const std::lock_guard<std::mutex> guard(g_mutex);
  ++g_tests;
  g_changed.notify_all();
}

std::uint32_t process_id() { return ::GetCurrentProcessId(); }

std::vector<std::string> files_of(std::string_view) { return {}; }

std::int64_t now_ns() {
  LARGE_INTEGER count;
  LARGE_INTEGER frequency;
  ::QueryPerformanceCounter(&count);
  ::QueryPerformanceFrequency(&frequency);
  return static_cast<std::int64_t>(static_cast<double>(count.QuadPart) * 1e9 /
                                   static_cast<double>(frequency.QuadPart));
}

Companion::Companion(Place, std::function<void()> body) { thread_ = std::thread(std::move(body)); }

Companion::~Companion() { join(); }

void Companion::join() {
  if (thread_.joinable()) thread_.join();
}

void Companion::kill() { ADD_FAILURE() << "a thread cannot be killed"; }

void wait_to_be_killed() { std::abort(); }

Signal::Signal() {
  HANDLE ends[2];
  EXPECT_TRUE(::CreatePipe(&ends[0], &ends[1], nullptr, 0));
  for (int i = 0; i < 2; ++i) fds_[i] = static_cast<int>(reinterpret_cast<std::intptr_t>(ends[i]));
}

Signal::~Signal() {
  for (int fd : fds_) ::CloseHandle(reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(fd)));
}

void Signal::set() {
  DWORD written = 0;
  const HANDLE end = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(fds_[1]));
  EXPECT_TRUE(::WriteFile(end, "x", 1, &written, nullptr));
}

void Signal::wait() {
  char byte;
  DWORD count = 0;
  const HANDLE end = reinterpret_cast<HANDLE>(static_cast<std::intptr_t>(fds_[0]));
  EXPECT_TRUE(::ReadFile(end, &byte, 1, &count, nullptr));
}

}  // namespace smipc::test
