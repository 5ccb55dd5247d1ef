// See support.hpp: what tests need of POSIX.
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support.hpp"

namespace smipc::test {
namespace {

char g_current_test[256];

void bark(int) {
  static const char text[] = "watchdog: this test hangs: ";
  (void)!::write(STDERR_FILENO, text, sizeof text - 1);
  (void)!::write(STDERR_FILENO, g_current_test, ::strlen(g_current_test));
  (void)!::write(STDERR_FILENO, "\n", 1);
  ::abort();
}

void set_watchdog() {
  struct sigaction action = {};
  action.sa_handler = bark;
  ::sigaction(SIGALRM, &action, nullptr);
  ::alarm(kWatchdogSeconds);
}

std::string readable_part(std::string_view name) {
  std::string out;
  for (char c : name.substr(0, 40)) out += (::isalnum(c) != 0 || c == '-' || c == '_') ? c : '_';
  return out;
}

}  // namespace

void watch_over(const std::string& test) {
  std::snprintf(g_current_test, sizeof g_current_test, "%s", test.c_str());
  set_watchdog();
}

void watch_no_more() { ::alarm(0); }

std::uint32_t process_id() { return static_cast<std::uint32_t>(::getpid()); }

std::vector<std::string> files_of(std::string_view name) {
  std::vector<std::string> files;
  const std::string channel = "smipc.ch." + readable_part(name);
  const std::string buffer = "smipc.cb." + readable_part(name);
  const std::string queue = "smipc.mq." + readable_part(name);
  DIR* directory = ::opendir("/dev/shm");
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view file = entry->d_name;
    if (file.starts_with(channel) || file.starts_with(buffer) || file.starts_with(queue)) {
      files.emplace_back(entry->d_name);
    }
  }
  ::closedir(directory);
  return files;
}

std::int64_t now_ns() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

Companion::Companion(Place place, std::function<void()> body) {
  if (place == Place::kThread) {
    thread_ = std::thread(std::move(body));
    return;
  }
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ != 0) return;
#if defined(__linux__)
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a test that hangs
#endif
  set_watchdog();  // alarms are not inherited
  body();
  std::fflush(nullptr);
  ::_exit(testing::Test::HasFailure() ? 1 : 0);
}

Companion::~Companion() {
  // What it waits for may never come when the test has stopped half-way.
  if (pid_ > 0 && testing::Test::HasFatalFailure()) ::kill(static_cast<pid_t>(pid_), SIGKILL);
  join();
}

void Companion::join() {
  if (thread_.joinable()) thread_.join();
  if (pid_ <= 0) return;
  int status = 0;
  ASSERT_EQ(static_cast<pid_t>(pid_), ::waitpid(static_cast<pid_t>(pid_), &status, 0));
  pid_ = 0;
  EXPECT_TRUE(WIFEXITED(status)) << "the companion was ended by signal " << WTERMSIG(status);
  EXPECT_EQ(0, WEXITSTATUS(status)) << "the companion failed";
}

void Companion::kill() {
  ASSERT_EQ(0, ::kill(static_cast<pid_t>(pid_), SIGKILL));
  int status = 0;
  ASSERT_EQ(static_cast<pid_t>(pid_), ::waitpid(static_cast<pid_t>(pid_), &status, 0));
  pid_ = 0;
  EXPECT_TRUE(WIFSIGNALED(status)) << "it had ended before it was killed: " << status;
}

void wait_to_be_killed() {
  for (;;) ::pause();
}

Signal::Signal() { EXPECT_EQ(0, ::pipe(fds_)); }

Signal::~Signal() {
  ::close(fds_[0]);
  ::close(fds_[1]);
}

void Signal::set() { EXPECT_EQ(1, ::write(fds_[1], "x", 1)); }

void Signal::wait() {
  char byte;
  EXPECT_EQ(1, ::read(fds_[0], &byte, 1));
}

}  // namespace smipc::test
