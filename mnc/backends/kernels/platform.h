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

/* One function a layer, and one for a kernel call that layers have in common, kept
 * apart so that a profiler and a map file show them. */
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

/* Hides from the compiler where a pointer comes from.  Else GCC compiles a loop
 * anew for each place that the pointer may have, and moves loads across. */
#ifndef MNC_OPAQUE
#if defined(__GNUC__)
#define MNC_OPAQUE(pointer) __asm__("" : "+r"(pointer))
#else
#define MNC_OPAQUE(pointer) (void)(pointer)
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

/* sum += x * y, in place.  For Arm's FPU it is volatile assembly, which keeps a block's
 * registers as they are laid out: GCC's scheduler would move all loads to the front and
 * spill the sums, and its allocator would copy them. */
#ifndef MNC_ACCUMULATE
#if defined(__GNUC__) && defined(__arm__) && defined(__FP_FAST_FMAF) && !defined(__SOFTFP__)
#define MNC_ACCUMULATE(sum, x, y) __asm__ volatile("vfma.f32 %0, %1, %2" : "+t"(sum) : "t"(x), "t"(y))
#else
#define MNC_ACCUMULATE(sum, x, y) ((sum) = MNC_FMA((x), (y), (sum)))
#endif
#endif

/* Constants that lie in a memory of their own are read by name there.  On AVR
 * this is done; for another such core define both macros, and those below. */
#ifndef MNC_FLASH
#if defined(__AVR__)
#include <avr/pgmspace.h>
#define MNC_FLASH PROGMEM
#define MNC_READ(x) pgm_read_float(&(x))
#else
#define MNC_ONE_MEMORY
#define MNC_FLASH
#define MNC_READ(x) (x)
#endif
#endif

/* MNC_READ is for constants of type float; these three are for integers. */
#ifndef MNC_READ_S8
#if defined(MNC_ONE_MEMORY)
#define MNC_READ_S8(x) (x)
#define MNC_READ_S16(x) (x)
#define MNC_READ_S32(x) (x)
#elif defined(__AVR__)
#define MNC_READ_S8(x) ((int8_t)pgm_read_byte(&(x)))
#define MNC_READ_S16(x) ((int16_t)pgm_read_word(&(x)))
#define MNC_READ_S32(x) ((int32_t)pgm_read_dword(&(x)))
#else
#error "MNC_FLASH is defined, but MNC_READ_S8, MNC_READ_S16 and MNC_READ_S32 are not"
#endif
#endif

/* Arm's DSP instructions multiply and add two pairs of 16 bits at once: a word of
 * four int8, which may lie at any address, is split into a pair of its even and a
 * pair of its odd elements.  Without them, where unaligned accesses are trapped
 * (-mno-unaligned-access says so) or MNC_NO_DSP is defined, the kernels go element
 * by element, with the same result. */
#if defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && defined(__ARM_32BIT_STATE) && !defined(__ARM_BIG_ENDIAN) && \
    !defined(MNC_NO_DSP)
#define MNC_HIGH_MULTIPLY(y, a, b, c) __asm__("smmlar %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(c))
#if defined(__ARM_FEATURE_UNALIGNED)
#define MNC_DSP
#define MNC_LOAD_QUAD(y, p) __asm__ volatile("ldr %0, %1" : "=r"(y) : "m"(*(const char(*)[4])(p)))
#define MNC_EVEN(y, x) __asm__ volatile("sxtb16 %0, %1" : "=r"(y) : "r"(x))
#define MNC_ODD(y, x) __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x))
#define MNC_MULTIPLY_PAIRS(sum, x, w) __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_STORE_PAIR(p, x) __asm__ volatile("str %1, %0" : "=m"(*(char(*)[4])(p)) : "r"(x))
#define MNC_LOAD_S8(y, p) __asm__ volatile("ldrsb %0, %1" : "=r"(y) : "m"(*(p)))
#define MNC_PAIR(y, low, high) __asm__ volatile("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(low), "r"(high))
#define MNC_PAIR_HIGH(y, high, low) __asm__ volatile("pkhtb %0, %1, %2, asr #16" : "=r"(y) : "r"(high), "r"(low))
#define MNC_MULTIPLY_LOW(sum, x, w) __asm__ volatile("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_HIGH(sum, x, w) __asm__ volatile("smlabt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_UPPER_LOW(sum, x, w) __asm__ volatile("smlatb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_UPPER_HIGH(sum, x, w) __asm__ volatile("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_PAIRS_PLUS(y, x, w, sum) __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(w), "r"(sum))
#define MNC_CROSSED_PLUS(y, x, w, sum) __asm__ volatile("smladx %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(w), "r"(sum))
#define MNC_JOIN(y, low, high) __asm__ volatile("pkhbt %0, %1, %2" : "=r"(y) : "r"(low), "r"(high))
#endif
#endif

/* A pointer whose value the compiler is not to know: it then adds offsets where they are
 * used, in the instruction, and does not keep each sum in a register. */
#ifndef MNC_OPAQUE
#if defined(MNC_DSP)
#define MNC_OPAQUE(p) __asm__ volatile("" : "+r"(p))
#else
#define MNC_OPAQUE(p) (void)(p)
#endif
#endif

/* x / 2^n rounded down, of a negative x too: C leaves to the compiler whether a shift
 * keeps the sign.  Every compiler for these cores does; define it for another. */
#ifndef MNC_SHIFT_RIGHT
#if (-1 >> 1) != -1
#error "here a shift to the right loses the sign; define MNC_SHIFT_RIGHT"
#endif
#define MNC_SHIFT_RIGHT(x, n) ((x) >> (n))
#endif

/* x within int8, in one instruction where the core has it. */
#ifndef MNC_SATURATE_S8
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT)
#define MNC_SATURATE_S8(x) __asm__("ssat %0, #8, %1" : "=r"(x) : "r"(x))
#else
#define MNC_SATURATE_S8(x) ((x) = (x) < -128 ? -128 : (x) > 127 ? 127 : (x))
#endif
#endif

/* Round each call of another library that returns a status: define it to trap where
 * the status is not ARM_CMSIS_NN_SUCCESS.  As planned, every call succeeds. */
#ifndef MNC_CHECK
#define MNC_CHECK(call) (void)(call)
#endif
