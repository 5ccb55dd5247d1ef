// What the compiler cannot guess: which functions are worth their place in the hot calls, and which
// branches are hardly ever taken.
#pragma once

#if defined(_MSC_VER)
#define SMIPC_INLINE __forceinline
#define SMIPC_NOINLINE __declspec(noinline)
#define SMIPC_SELDOM(condition) (condition)
#define SMIPC_UNREACHABLE() __assume(0)
#else
#define SMIPC_INLINE inline __attribute__((always_inline))
#define SMIPC_NOINLINE __attribute__((noinline))
#define SMIPC_UNREACHABLE() __builtin_unreachable()
// So sure that a branch stays one, where [[unlikely]] leaves a computation of both sides.
#define SMIPC_SELDOM(condition) __builtin_expect_with_probability((condition), 0, 1.0)
#endif
