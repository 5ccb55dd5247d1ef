// Whether this is a build with the thread sanitizer.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define SMIPC_HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SMIPC_HAS_TSAN 1
#endif
#endif
#ifndef SMIPC_HAS_TSAN
#define SMIPC_HAS_TSAN 0
#endif
