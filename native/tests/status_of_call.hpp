// What a call of smipc.hpp throws, as a status.
#pragma once

#include <smipc.hpp>

#include <functional>

namespace smipc::test {

inline Status status_of_call(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.status();
  }
  return SMIPC_OK;
}

}  // namespace smipc::test
