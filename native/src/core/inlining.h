// What the compiler cannot guess: which functions are worth their place in the hot calls.
#pragma once

#if defined(_MSC_VER)
#define SMIPC_INLINE __forceinline
#define SMIPC_NOINLINE __declspec(noinline)
#else
#define SMIPC_INLINE inline __attribute__((always_inline))
#define SMIPC_NOINLINE __attribute__((noinline))
#endif
