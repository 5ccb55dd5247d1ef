// smipc for C++20: smipc.h with RAII, spans and exceptions, and nothing else.
//
//   smipc::Writer out("camera", {.capacity_bytes = 1 << 20, .framing = smipc::Framing::kMessage});
//   out.send(std::as_bytes(std::span(pixels)));
//
//   smipc::Reader in("camera", {.framing = smipc::Framing::kMessage});
//   std::vector<std::byte> frame = in.recv(std::chrono::milliseconds(100));
//
// What holds for every member; a member's own comment gives only what differs.
//   Errors     thrown as smipc::Error: status() is one of the SMIPC_E_* of smipc.h, what() the
//              sentence of smipc_last_error(). Members called try_* never throw: they return the
//              status, and by default they do not wait. After an error nothing has been consumed.
//   Blocking   a Timeout is a std::chrono duration: 0 or less tries once, std::nullopt or
//              smipc::forever waits. A signal handler that runs meanwhile ends a call with
//              SMIPC_E_INTERRUPTED; call again to go on.
//   Threads    those of smipc.h: calls on one end are serialised, close() may come from any thread.
//              Moving, assigning and destroying an end need it for themselves.
//   Ownership  Bytes and MutableBytes do not own: they are for the length of a call. A Reservation
//              or Borrow must not outlive its end. A moved-from object can be assigned or
//              destroyed.
//   Fork       in a forked child every call gives SMIPC_E_FORKED; the parent is not affected. A channel's
//              end can be closed there, which does nothing, and is_open() is false.
#ifndef SMIPC_HPP
#define SMIPC_HPP

#if __cplusplus < 202002L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L)
#error "smipc.hpp needs C++20: compile with -std=c++20, MSVC with /std:c++20"
#endif

#include "smipc/base.hpp"
#include "smipc/bytes.hpp"
#include "smipc/channel.hpp"
#include "smipc/circular_buffer.hpp"
#include "smipc/library.hpp"
#include "smipc/memory.hpp"
#include "smipc/message_queue.hpp"
#include "smipc/rwlock.hpp"
#include "smipc/semaphore.hpp"
#include "smipc/structure.hpp"

#endif  // SMIPC_HPP
