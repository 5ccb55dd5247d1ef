// See entry.h.
#include "core/entry.h"

namespace smipc::detail {
namespace {

// What may change from call to call.
Status refuse_now(const Channel& channel, bool is_listener) {
  switch (channel.state.load(std::memory_order_acquire)) {
    case EndState::kForked:
      return fail(SMIPC_E_FORKED, channel.name);
    case EndState::kUsable:
      break;
    default:
      return fail(SMIPC_E_CLOSED, channel.name);
  }
  if (!is_listener && channel.listening.load(std::memory_order_acquire)) {
    return fail(SMIPC_E_BUSY, channel.name, "a listener is reading it");
  }
  return SMIPC_OK;
}

}  // namespace

Status refuse(const Channel& channel, CallKind kind) {
  const bool for_writers = (kind & (kCallWrite | kCallSend | kCallFlush)) != 0;
  if (for_writers != channel.is_writer()) {
    return fail(SMIPC_E_WRONG_END, channel.name,
                channel.is_writer() ? "this end is the writer, and the call is for the reader"
                                    : "this end is the reader, and the call is for the writer");
  }
  const bool for_streams = (kind & (kCallWrite | kCallRead)) != 0;
  const bool for_messages = (kind & (kCallSend | kCallRecv)) != 0;
  if (for_messages && channel.framing == SMIPC_STREAM) {
    return fail(SMIPC_E_WRONG_FRAMING, channel.name,
                "it has stream framing, and the call is for messages");
  }
  if (for_streams && channel.framing == SMIPC_MESSAGE) {
    return fail(SMIPC_E_WRONG_FRAMING, channel.name,
                "it has message framing, and the call is for streams");
  }
  return SMIPC_OK;
}

Entry::Entry(Channel& channel, CallKind kind, const Deadline& deadline, bool is_listener)
    : channel_(channel) {
  if ((status_ = refuse_now(channel, is_listener)) != SMIPC_OK) return;
  if ((status_ = refuse(channel, kind)) != SMIPC_OK) return;
  if (!(as_owner_ = channel.lock.enter_as_owner()) && !channel.lock.enter(deadline, &as_owner_)) {
    status_ = fail_quietly(SMIPC_E_TIMED_OUT, channel.name);
    return;
  }
  status_ = refuse_now(channel, is_listener);  // it may have changed while we waited for our turn
  if (status_ != SMIPC_OK) as_owner_ ? channel.lock.leave_as_owner() : channel.lock.leave();
}

Entry::~Entry() {
  if (!ok()) return;
  as_owner_ ? channel_.lock.leave_as_owner() : channel_.lock.leave();
}

}  // namespace smipc::detail
