// See listener.h.
#include "core/listener.h"

#include <chrono>
#include <system_error>

#include "core/entry.h"
#include "core/messages.h"
#include "core/quiet_thread.h"
#include "core/reading.h"
#include "core/waiting.h"

namespace smipc::detail {
namespace {

constexpr std::size_t kStreamBuffer = 64 * 1024;

thread_local const Channel* t_listening_to = nullptr;  // set on a listener's own thread

}  // namespace

Listener::Listener(Channel& channel, smipc_listener callback, void* context)
    : channel_(channel), callback_(callback), context_(context) {
  thread_ = start_quiet_thread([this] { run(); });
}

Listener::~Listener() { stop(); }

void Listener::stop() {
  if (!thread_.joinable()) return;
  channel_.stop_listening.store(true, std::memory_order_seq_cst);  // Q2 (pairs with Q1)
  kick_sleepers(channel_);
  thread_.join();
  channel_.stop_listening.store(false, std::memory_order_seq_cst);
  channel_.listening.store(false, std::memory_order_release);
}

void Listener::run() {
  t_listening_to = &channel_;
  for (;;) {
    const Status status = deliver_next();
    if (status == SMIPC_OK || status == SMIPC_E_INTERRUPTED) continue;
    if (channel_.stop_listening.load(std::memory_order_seq_cst)) break;
    if (status == SMIPC_E_CLOSED) break;  // by this process, which knows, and is about to stop us
    callback_(context_, nullptr, 0, status);
    if (status != SMIPC_E_OPPOSITE_DIED || !wait_for_successor()) break;
  }
  channel_.listening.store(false, std::memory_order_release);
}

Status Listener::deliver_next() {
  const bool stream = channel_.framing == SMIPC_STREAM;
  const Entry entry(channel_, stream ? kCallRead : kCallRecv, Deadline(kForever), true);
  if (!entry.ok()) return entry.status();
  return stream ? deliver_bytes() : deliver_message();
}

Status Listener::deliver_message() {
  finish_batch(channel_);
  Message message;
  const Status status = next_message(channel_, Deadline(kForever), nullptr, &message);
  if (status != SMIPC_OK) return status;
  // Taken after the callback: one that is killed in it leaves the message to its successor.
  callback_(context_, message.data, static_cast<std::size_t>(message.size), SMIPC_OK);
  take_message(channel_, message);
  follow_with_descriptor(channel_);
  return SMIPC_OK;
}

Status Listener::deliver_bytes() {
  if (!buffer_.ensure(kStreamBuffer)) return fail(SMIPC_E_NO_MEMORY, channel_.name);
  std::size_t size = 0;
  const Status status =
      read_stream_some(channel_, buffer_.data.get(), kStreamBuffer, Deadline(kForever), &size);
  if (status == SMIPC_OK) callback_(context_, buffer_.data.get(), size, SMIPC_OK);
  return status;
}

bool Listener::wait_for_successor() {
  // One that came and died since the last look has at least left its pid or something to read.
  const EndShm& peer = *channel_.peer;
  const std::uint32_t pid = peer.pid.load(std::memory_order_relaxed);
  const std::uint64_t cursor = peer.cursor.load(std::memory_order_relaxed);
  while (peer_gone(channel_) != SMIPC_OK && peer.pid.load(std::memory_order_relaxed) == pid &&
         peer.cursor.load(std::memory_order_relaxed) == cursor) {
    if (channel_.stop_listening.load(std::memory_order_seq_cst)) return false;
    if (channel_.state.load(std::memory_order_seq_cst) != EndState::kUsable) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

bool on_listener_thread(const Channel& channel) { return t_listening_to == &channel; }

Status listen_on(Channel& channel, smipc_listener callback, void* context) {
  if (channel.reader.borrowed) {
    return fail(SMIPC_E_BUSY, channel.name, "a message is borrowed: release it first");
  }
  const std::lock_guard<std::mutex> guard(channel.listener_mutex);
  channel.listener.reset();  // one that has ended by itself
  const std::uint32_t allowed = channel.allowed.exchange(0, std::memory_order_relaxed);
  channel.listening.store(true, std::memory_order_release);  // from here on see Entry
  try {
    channel.listener = std::make_unique<Listener>(channel, callback, context);
  } catch (const std::system_error& error) {
    channel.listening.store(false, std::memory_order_release);
    channel.allowed.store(allowed, std::memory_order_relaxed);
    return fail(SMIPC_E_LIMIT, channel.name, std::string("cannot start a thread: ") + error.what());
  }
  return SMIPC_OK;
}

Status stop_listening(Channel& channel) {
  if (on_listener_thread(channel)) {
    return fail(SMIPC_E_BUSY, channel.name, "a listener cannot stop itself from its callback");
  }
  const std::lock_guard<std::mutex> guard(channel.listener_mutex);
  channel.listener.reset();
  return SMIPC_OK;
}

}  // namespace smipc::detail
