// Fork: a handle is dead in the child, the parent's end goes on, and nothing of the parent stays
// alive in a child that outlives it.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "support.hpp"

namespace smipc::test {
namespace {

TEST(Fork, the_childs_calls_say_so_and_the_parents_ends_go_on) {
  Pair messages("m", 100);
  Pair streams("s", 100, stream());
  send(messages.writer, pattern(20, 1));
  Companion child(Place::kProcess, [&] {
    char buffer[100] = {};
    smipc_buffer part = {buffer, 100};
    std::size_t n = 0;
    void* room = nullptr;
    const void* view = nullptr;
    std::uint8_t ready = 0;
    std::int32_t fd = -1;
    std::uint64_t done = 0;
    smipc_channel* w = messages.writer;
    smipc_channel* r = messages.reader;
    smipc_fetch_area area;
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_send(w, buffer, 5, 0));
    EXPECT_NE(std::string::npos, std::string(smipc_last_error()).find(messages.name));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_try_send(w, buffer, 5));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_send_parts(w, &part, 1, 0, &done));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_send_many(w, &part, 1, 0, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_send_list(w, "[\0\0\0\0", 5, 0, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_reserve(w, 5, 0, &room));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_commit(w, 5));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_abort(w));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_flush(w, 0));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_recv(r, buffer, 100, SMIPC_FOREVER, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_recv_parts(r, &part, 1, 0, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_recv_many(r, buffer, 9, 1, 0, &part, &n, nullptr));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_next(r, nullptr, 0, 0, &n, nullptr));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_peek(r, 0, &view, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_release(r));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_fetch_open(r, &area));
    EXPECT_STATUS(SMIPC_E_FORKED, static_cast<smipc_status>(smipc_channel_fetch(r, 0)));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_wait(&r, 1, 0, &ready, &n));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_fd(r, &fd));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_fd_arm(r, 0));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_listen_stop(r));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_write(streams.writer, "x", 1, 0, nullptr));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_read(streams.reader, buffer, 1, 0));
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_read_some(streams.reader, buffer, 1, 0, &n));
    EXPECT_EQ(0u, status_of(w).is_open);
    char text[600];
    EXPECT_OK(smipc_channel_status_text(w, text, sizeof text, nullptr));
    // What finalizers do in a child; none of it may reach the parent.
    EXPECT_OK(smipc_channel_close(w));
    EXPECT_OK(smipc_clean());
    smipc_channel_free(messages.writer.release());
    smipc_channel_free(messages.reader.release());
    smipc_channel_free(streams.writer.release());
    smipc_channel_free(streams.reader.release());
  });
  child.join();
  expect_pattern(recv(messages.reader).data(), 20, 1);
  send(messages.writer, pattern(30, 2));
  expect_pattern(recv(messages.reader).data(), 30, 2);
  EXPECT_OK(smipc_channel_write(streams.writer, "x", 1, 0, nullptr));
  EXPECT_EQ(1u, files_of(messages.name).size());
}

TEST(Fork, the_child_may_open_ends_of_its_own) {
  const std::string there = unique_name("there");
  const std::string back = unique_name("back");
  End writer(there, SMIPC_WRITER, 100);
  End reader(back, SMIPC_READER, 100);
  Companion child(Place::kProcess, [&] {
    smipc_channel* channel = nullptr;
    EXPECT_STATUS(SMIPC_E_END_TAKEN, try_open(there, SMIPC_WRITER, 100, {}, &channel));
    End own_reader(there, SMIPC_READER, 100);
    End own_writer(back, SMIPC_WRITER, 100);
    for (int i = 0; i < 100; ++i) send(own_writer, recv(own_reader));
    EXPECT_OK(smipc_channel_flush(own_writer, kLong));
  });
  for (std::uint64_t i = 0; i < 100; ++i) {
    send(writer, pattern(50, i));
    expect_pattern(recv(reader).data(), 50, i);
  }
  child.join();
}

TEST(Fork, with_a_listener_and_a_descriptor_on_the_child_still_works) {
  Pair listening("listening", 100);
  Pair watched("watched", 100);
  Signal heard;
  EXPECT_OK(smipc_channel_listen(
      listening.reader,
      [](void* context, const void*, std::size_t, smipc_status status) {
        if (status == SMIPC_OK) static_cast<Signal*>(context)->set();
      },
      &heard));
  std::int32_t fd = -1;
  EXPECT_OK(smipc_channel_fd(watched.reader, &fd));
  const std::string name = unique_name("own");
  Companion child(Place::kProcess, [&] {
    EXPECT_STATUS(SMIPC_E_FORKED, smipc_channel_listen_stop(listening.reader));
    smipc_channel_free(listening.reader.release());
    smipc_channel_free(watched.reader.release());
    Pair own("child", 100);
    std::int32_t own_fd = -1;
    EXPECT_OK(smipc_channel_fd(own.reader, &own_fd));
    send(own.writer, pattern(20, 1));
    expect_pattern(recv(own.reader).data(), 20, 1);
  });
  child.join();
  send(listening.writer, pattern(20, 1));
  heard.wait();
  send(watched.writer, pattern(20, 1));
  expect_pattern(recv(watched.reader).data(), 20, 1);
}

TEST(Fork, a_child_that_lives_on_does_not_keep_its_parent_alive) {
  const std::string name = unique_name("orphan");
  End reader(name, SMIPC_READER, 100);
  Signal ready;
  Signal stop;
  Companion parent(Place::kProcess, [&] {
    End writer(name, SMIPC_WRITER, 100);
    send(writer, pattern(20, 1));
    if (::fork() == 0) {
      ready.set();
      stop.wait();
      ::_exit(0);
    }
    for (;;) ::pause();
  });
  ready.wait();
  parent.kill();
  expect_pattern(recv(reader).data(), 20, 1);
  std::size_t size = 0;
  EXPECT_STATUS(SMIPC_E_OPPOSITE_DIED, smipc_channel_recv(reader, nullptr, 0, kLong, &size));
  End successor(name, SMIPC_WRITER, 100);
  send(successor, pattern(20, 2));
  expect_pattern(recv(reader).data(), 20, 2);
  stop.set();
}

// The child inherits descriptors: those of an open or close that another thread is in at the moment
// must not hold the name, or the role, for as long as the child lives.
TEST(Fork, while_another_thread_opens_and_closes_leaves_the_names_free) {
  const std::string name = unique_name("thread");
  std::atomic<bool> stop{false};
  std::atomic<int> cycles{0};
  Companion opener(Place::kThread, [&] {
    while (!stop) {
      smipc_channel* channel = nullptr;
      ASSERT_OK(try_open(name, SMIPC_READER, 4096, {}, &channel));
      smipc_channel_free(channel);
      ++cycles;
    }
  });
  Signal end_of_children;
  std::vector<pid_t> children;
  for (int i = 0; i < 50; ++i) {
    for (const int before = cycles; cycles == before && !stop;) std::this_thread::yield();
    if (HasFatalFailure()) break;
    const pid_t pid = ::fork();
    if (pid == 0) {
      end_of_children.wait();
      ::_exit(0);
    }
    children.push_back(pid);
  }
  stop = true;
  opener.join();
  for (const pid_t pid : children) ::kill(pid, SIGKILL);
  for (const pid_t pid : children) EXPECT_EQ(pid, ::waitpid(pid, nullptr, 0));
}

TEST(Fork, while_another_thread_closes_a_handle_the_child_can_free_it) {
  std::atomic<bool> stop{false};
  std::atomic<smipc_channel*> current{nullptr};
  Companion closer(Place::kThread, [&] {
    while (!stop) {
      End reader(unique_name("closing"), SMIPC_READER, 4096);
      current = reader;
      EXPECT_OK(smipc_channel_close(reader));
      current = nullptr;
    }
  });
  for (int i = 0; i < 100; ++i) {
    smipc_channel* handle = nullptr;
    while ((handle = current) == nullptr) std::this_thread::yield();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::alarm(20);
      // The handle may be gone in the parent by now, never in the child.
      handle = current;
      if (handle != nullptr) (void)smipc_channel_close(handle);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
    EXPECT_TRUE(WIFEXITED(status)) << "the child hung in close, signal " << WTERMSIG(status);
    if (HasFailure()) break;
  }
  stop = true;
  closer.join();
}

}  // namespace
}  // namespace smipc::test
