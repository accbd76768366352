/* How the kernels meet the compiler.  Each macro may be defined before this
 * file is compiled; the defaults suit GCC, Clang and any other C89 compiler. */

/* A kernel is called with literal sizes and strides.  Inlined, every call is
 * compiled for exactly its layer: fast.  With MNC_SMALL defined, the layers
 * share one copy of each kernel instead: smaller, slower. */
#ifndef MNC_KERNEL
#if defined(__GNUC__) && !defined(MNC_SMALL)
#define MNC_KERNEL static __inline__ __attribute__((always_inline))
#else
#define MNC_KERNEL static
#endif
#endif

/* One function a layer, kept apart so that a profiler and a map file show it. */
#ifndef MNC_LAYER
#if defined(__GNUC__)
#define MNC_LAYER static __attribute__((noinline))
#else
#define MNC_LAYER static
#endif
#endif

/* Before a short loop over a block: unroll it, so that the block's
 * accumulators live in registers (GCC unrolls at -O2 only where told).  Shared
 * kernels do not know how large a block is. */
#ifndef MNC_UNROLL
#if defined(MNC_SMALL)
#define MNC_UNROLL
#elif defined(__clang__)
#define MNC_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__) && __GNUC__ >= 8
#define MNC_UNROLL _Pragma("GCC unroll 32")
#else
#define MNC_UNROLL
#endif
#endif

/* x * y + z, rounded once where that is cheap.  -std=c89 and -std=c99 switch
 * contraction off in GCC, so a fused multiply-add is asked for by name where the
 * core has one; a PC built for without it has fast doubles, in which the product
 * of two floats is exact, and so comes to the same result. */
#ifndef MNC_FMA
#if defined(__FP_FAST_FMAF) && defined(__GNUC__)
#define MNC_FMA(x, y, z) __builtin_fmaf((x), (y), (z))
#elif defined(__SSE2__) && !defined(__FMA__)
#define MNC_FMA(x, y, z) ((float)((double)(x) * (double)(y) + (double)(z)))
#else
#define MNC_FMA(x, y, z) ((x) * (y) + (z))
#endif
#endif

/* Constants that lie in a memory of their own are read by name there.  On AVR
 * this is done; for another such core define both macros. */
#ifndef MNC_FLASH
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define MNC_FLASH PROGMEM
#define MNC_READ(x) pgm_read_float(&(x))
#else
#define MNC_FLASH
#define MNC_READ(x) (x)
#endif
#endif
