// Calls without a handle argument (smipc_channel_bind).
#pragma once

#include "smipc.h"

namespace smipc::detail {

// Before the handle is freed: its calls may go to another one.
void unbind_calls(smipc_channel* channel);

}  // namespace smipc::detail
