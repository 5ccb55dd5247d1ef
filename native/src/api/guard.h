// What every exported function does around core: no exception leaves, and arguments are checked.
#pragma once

#include <exception>
#include <new>

#include "core/channel.h"
#include "core/entry.h"
#include "core/error.h"
#include "core/inlining.h"

namespace smipc::detail {

// Runs `call` and turns what it throws into a status.
template <class Call>
Status guarded(Call call) noexcept {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return fail(SMIPC_E_NO_MEMORY, {});
  } catch (const std::exception& error) {
    return fail(SMIPC_E_INTERNAL, {}, error.what());
  } catch (...) {
    return fail(SMIPC_E_INTERNAL, {});
  }
}

inline Status no_handle() { return fail(SMIPC_E_INVALID, {}, "the channel handle is NULL"); }

Status bad_timeout(const Channel& channel, std::int64_t timeout_ns);
Status bad_pointer(const Channel& channel, const char* what);
Status bad_size(const Channel& channel, std::uint64_t size);
Status check_parts(const Channel& channel, const smipc_buffer* parts, std::size_t count);
Status check_messages(const Channel& channel, const smipc_buffer* messages, std::size_t count);

// Enters the handle and runs `call(deadline)`.
template <class Call>
Status with_channel(smipc_channel* channel, CallKind kind, std::int64_t timeout_ns,
                    Call call) noexcept {
  return guarded([&]() -> Status {
    if (channel == nullptr) return no_handle();
    if (timeout_ns < kSoon) return bad_timeout(*channel, timeout_ns);
    const Deadline deadline(timeout_ns);
    const Entry entry(*channel, kind, deadline);
    return entry.ok() ? call(deadline) : entry.status();
  });
}

}  // namespace smipc::detail
