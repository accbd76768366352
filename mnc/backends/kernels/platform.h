/* How the kernels meet the compiler.  Each macro may be defined before this
 * file is compiled; the defaults suit GCC, Clang and any other C89 compiler. */

/* A kernel is called with literal sizes and strides.  Inlined, every call is
 * compiled for exactly its layer: fast.  With MNC_SMALL defined, the layers
 * share one copy of each kernel instead: smaller, slower. */
#ifndef MNC_KERNEL
#if defined(__GNUC__) && !defined(MNC_SMALL)
#define MNC_KERNEL static __inline__ __attribute__((always_inline, unused))
#elif defined(__GNUC__)
#define MNC_KERNEL static __attribute__((unused)) /* on some cores others do its work */
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

/* Hides how an integer was computed.  LLVM 22 would choose between two quotients by a load
 * for which it has no instruction of an Xtensa. */
#if defined(__clang__) && defined(__XTENSA__)
#define MNC_HIDE(x) __asm__("" : "+r"(x))
#else
#define MNC_HIDE(x) ((void)(x))
#endif

/* x * y + z, rounded once where the core does that in one instruction: -std=c89 and
 * -std=c99 switch contraction off in GCC, so a fused multiply-add is asked for by name.
 * A PC that is built for without it rounds twice, which moves a sum by at most half a
 * unit in the last place a step; with MNC_EXACT_FMA it goes by doubles, in which the
 * product of two floats is exact, and so comes to the bits of a Cortex-M4F, in two to
 * four times the time. */
#ifndef MNC_FMA
#if defined(__FP_FAST_FMAF) && defined(__GNUC__)
#define MNC_FMA(x, y, z) __builtin_fmaf((x), (y), (z))
#elif defined(MNC_EXACT_FMA) && defined(__SSE2__) && !defined(__FMA__)
#define MNC_FMA(x, y, z) ((float)(((double)(x) * (double)(y)) + (double)(z)))
#else
#define MNC_FMA(x, y, z) (((x) * (y)) + (z))
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

/* Stands behind the name of a constant: define MNC_FLASH as an attribute to place them,
 * as __attribute__((section(".qspi"))).  Constants that lie in a memory of their own are
 * read by name there.  On AVR this is done; for another such core define MNC_READ as
 * well, and those below. */
#if defined(__AVR__)
#include <avr/pgmspace.h>
#endif
#ifndef MNC_FLASH
#if defined(__AVR__)
#define MNC_FLASH PROGMEM
#else
#define MNC_FLASH
#endif
#endif
#ifndef MNC_READ
#if defined(__AVR__)
#define MNC_READ(x) pgm_read_float(&(x))
#else
#define MNC_ONE_MEMORY
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
#error "MNC_READ is defined, but MNC_READ_S8, MNC_READ_S16 and MNC_READ_S32 are not"
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
#define MNC_HIGH_PRODUCT_PLUS(y, a, b, c) __asm__("smmla %0, %1, %2, %3" : "=r"(y) : "r"(a), "r"(b), "r"(c))
#if defined(__ARM_FEATURE_UNALIGNED)
#define MNC_DSP
#define MNC_LOAD_VECTOR4(y, p) __asm__ volatile("ldr %0, %1" : "=r"(y) : "m"(*(const char(*)[4])(p)))
#if defined(__OPTIMIZE__) && !defined(MNC_SMALL)
#define MNC_LOAD_MOVING(y, p, by) \
    __asm__ volatile("ldr %0, [%1], %2" : "=r"(y), "+r"(p) : "i"(by) : "memory")
#else
#define MNC_LOAD_MOVING(y, p, by) do { \
    MNC_LOAD_VECTOR4(y, p); \
    (p) += (by); \
} while (0)
#endif
#define MNC_LOAD_TWO(y, z, p) \
    __asm__ volatile("ldrd %0, %1, %2" : "=r"(y), "=r"(z) \
                     : "m"(*(const double __attribute__((may_alias)) *)(p)))
#define MNC_EVEN(y, x) __asm__ volatile("sxtb16 %0, %1" : "=r"(y) : "r"(x))
#define MNC_ODD(y, x) __asm__ volatile("sxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x))
#define MNC_EVEN_S8(y, x) MNC_EVEN(y, x)
#define MNC_ODD_S8(y, x) MNC_ODD(y, x)
#define MNC_EVEN_U8(y, x) __asm__ volatile("uxtb16 %0, %1" : "=r"(y) : "r"(x))
#define MNC_ODD_U8(y, x) __asm__ volatile("uxtb16 %0, %1, ror #8" : "=r"(y) : "r"(x))
#define MNC_ADD_PAIRS(y, a, b) __asm__ volatile("sadd16 %0, %1, %2" : "=r"(y) : "r"(a), "r"(b))
#define MNC_SUBTRACT_PAIRS(y, a, b) __asm__ volatile("ssub16 %0, %1, %2" : "=r"(y) : "r"(a), "r"(b))
#define MNC_MULTIPLY_PAIRS(sum, x, w) __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_PRODUCTS_OF_PAIRS(y, x, w) __asm__ volatile("smuad %0, %1, %2" : "=r"(y) : "r"(x), "r"(w))
#define MNC_STORE_PAIR(p, x) __asm__ volatile("str %1, %0" : "=m"(*(char(*)[4])(p)) : "r"(x))
#define MNC_LOAD_S8(y, p) __asm__ volatile("ldrsb %0, %1" : "=r"(y) : "m"(*(p)))
#define MNC_LOAD_U8(y, p) __asm__ volatile("ldrb %0, %1" : "=r"(y) : "m"(*(p)))
#define MNC_PAIR(y, low, high) __asm__ volatile("pkhbt %0, %1, %2, lsl #16" : "=r"(y) : "r"(low), "r"(high))
#define MNC_PAIR_HIGH(y, high, low) __asm__ volatile("pkhtb %0, %1, %2, asr #16" : "=r"(y) : "r"(high), "r"(low))
#define MNC_MULTIPLY_LOW(sum, x, w) __asm__ volatile("smlabb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_HIGH(sum, x, w) __asm__ volatile("smlabt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_UPPER_LOW(sum, x, w) __asm__ volatile("smlatb %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_MULTIPLY_UPPER_HIGH(sum, x, w) __asm__ volatile("smlatt %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(w))
#define MNC_PAIRS_PLUS(y, x, w, sum) __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(w), "r"(sum))
#define MNC_CROSSED_PLUS(y, x, w, sum) __asm__ volatile("smladx %0, %1, %2, %3" : "=r"(y) : "r"(x), "r"(w), "r"(sum))
#define MNC_LARGER_OF_FOUR(y, x, unused) \
    __asm__("ssub8 %1, %2, %0\n\tsel %0, %2, %0" : "+r"(y), "=&r"(unused) : "r"(x))
#define MNC_JOIN(y, low, high) __asm__ volatile("pkhbt %0, %1, %2" : "=r"(y) : "r"(low), "r"(high))
#endif
#endif

/* *p = x, which is within int8.  GCC would gather neighbouring bytes in a register, which takes more
 * instructions than to store each. */
#ifndef MNC_STORE_S8
#if defined(MNC_DSP)
#define MNC_STORE_S8(p, x) __asm__ volatile("strb %1, %0" : "=m"(*(p)) : "r"((int32_t)(x)))
#else
#define MNC_STORE_S8(p, x) (*(p) = (int8_t)(x))
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

/* The high word of a product comes from halves of the factors where the compiler has no
 * int64_t, which MNC_NO_INT64 says, and on cores without long multiplication: a Cortex-M0, an
 * ESP8266, and an Xtensa as LLVM knows it. */
#if defined(MNC_NO_INT64) || defined(__ARM_ARCH_6M__) || \
    (defined(__XTENSA__) && !defined(__XTENSA_WINDOWED_ABI__))
#define MNC_BY_HALVES
#endif

/* A Cortex-M0 has eight registers for most instructions: this loop of mnc_two_products_s8
 * keeps its sums in the others, all assigned by hand. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__ARM_ARCH_6M__) && !defined(__ARM_BIG_ENDIAN)
#define MNC_TWO_PRODUCTS_AT(at, sum, upper) \
    "ldrb r3, [r1, #" #at "]\n\tmuls r3, r2\n\tadd " sum ", r3\n\tlsrs r3, r3, #16\n\tadd " upper ", r3\n\t"
#define MNC_TWO_PRODUCTS_OF(word, a, b, c, d) \
    "ldr r2, [r0, #" #word "]\n\t" MNC_TWO_PRODUCTS_AT(a, "r8", "r12") MNC_TWO_PRODUCTS_AT(b, "r9", "lr") \
    MNC_TWO_PRODUCTS_AT(c, "r10", "r4") MNC_TWO_PRODUCTS_AT(d, "r11", "r5")
#define MNC_TWO_PRODUCTS(sums, x, w, end) do { \
    register uint32_t s0 __asm__("r8") = (sums)[0], s1 __asm__("r9") = (sums)[1], s2 __asm__("r10") = (sums)[2]; \
    register uint32_t s3 __asm__("r11") = (sums)[3], h0 __asm__("r12") = (sums)[4], h1 __asm__("lr") = (sums)[5]; \
    register uint32_t h2 __asm__("r4") = (sums)[6], h3 __asm__("r5") = (sums)[7]; \
    register const uint32_t *at __asm__("r0") = (x); \
    register const uint32_t *stop __asm__("r6") = (end); \
    register const int8_t *by __asm__("r1") = (w); \
    __asm__ volatile(".syntax unified\n1:\n\t" \
                     MNC_TWO_PRODUCTS_OF(0, 0, 1, 2, 3) MNC_TWO_PRODUCTS_OF(4, 4, 5, 6, 7) \
                     MNC_TWO_PRODUCTS_OF(8, 8, 9, 10, 11) MNC_TWO_PRODUCTS_OF(12, 12, 13, 14, 15) \
                     "adds r0, #16\n\tadds r1, #16\n\tcmp r0, r6\n\tbne 1b" \
                     : "+h"(s0), "+h"(s1), "+h"(s2), "+h"(s3), "+h"(h0), "+h"(h1), "+l"(h2), "+l"(h3), \
                       "+l"(at), "+l"(by) \
                     : "l"(stop) \
                     : "r2", "r3", "cc", "memory"); \
    (sums)[0] = s0, (sums)[1] = s1, (sums)[2] = s2, (sums)[3] = s3; \
    (sums)[4] = h0, (sums)[5] = h1, (sums)[6] = h2, (sums)[7] = h3; \
} while (0)
#endif

/* An Xtensa's MAC16 adds a product of 16 bits to its accumulator while it loads two factors:
 * words of x into m0 and m1 in turn, of w into m2 and m3.  LDINC moves a pointer before it
 * loads.  All loops are of assembly, for a compiler may use the core's only loop registers. */
#if defined(__GNUC__) && defined(__XTENSA__) && !defined(MNC_NO_MAC16)
#if defined(__clang__)
#define MNC_DOTS_CHANGE "memory"
#else
#define MNC_DOTS_CHANGE "acc", "memory"
#endif
#define MNC_DOTS(sums, window, weights, begin, pixels, rows, fours, band, step) do { \
    uint32_t *to = (sums); \
    const uint32_t *from = (window) - 1; \
    const uint32_t *x; \
    const uint32_t *w; \
    int left; \
    __asm__ volatile("1:\n\twsr %[begin], acclo\n\tmov %[x], %[from]\n\tmov %[w], %[by]\n\tmov %[left], %[all]\n" \
                     "2:\n\tldinc m0, %[x]\n\tldinc m2, %[w]\n\tloopnez %[rounds], 3f\n\t" \
                     "mula.dd.ll.ldinc m1, %[x], m0, m2\n\tmula.dd.hh.ldinc m3, %[w], m0, m2\n\t" \
                     "mula.dd.ll.ldinc m0, %[x], m1, m3\n\tmula.dd.hh.ldinc m2, %[w], m1, m3\n" \
                     "3:\n\tmula.dd.ll.ldinc m1, %[x], m0, m2\n\tmula.dd.hh.ldinc m3, %[w], m0, m2\n\t" \
                     "mula.dd.ll m1, m3\n\tmula.dd.hh m1, m3\n\t" \
                     "add %[x], %[x], %[jump]\n\taddi %[left], %[left], -1\n\tbnez %[left], 2b\n\t" \
                     "rsr %[left], acclo\n\ts32i %[left], %[to], 0\n\taddi %[to], %[to], 4\n\t" \
                     "add %[from], %[from], %[next]\n\tbne %[to], %[end], 1b" \
                     : [to] "+&r"(to), [from] "+&r"(from), [x] "=&r"(x), [w] "=&r"(w), [left] "=&r"(left) \
                     : [begin] "r"(begin), [by] "r"((weights) - 1), [all] "r"(rows), [rounds] "r"((fours) - 1), \
                       [jump] "r"(4 * ((band) - (2 * (fours)))), [next] "r"(4 * (step)), [end] "r"((sums) + (pixels)) \
                     : MNC_DOTS_CHANGE); \
} while (0)
#endif

/* Helium multiplies and adds sixteen int8 at once, into a register of one of the even
 * numbers.  All is volatile assembly, which keeps the registers of a block as they are
 * laid out; a loop ends by a pointer that it moves, because a counter would take LR
 * from the sums.  Without Helium, or with MNC_NO_MVE, the kernels go element by
 * element, with the same result. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__arm__) && defined(__ARM_FEATURE_MVE) && \
    !defined(__ARM_BIG_ENDIAN) && \
    !defined(MNC_NO_MVE)
#define MNC_MVE
#define MNC_VECTOR_S8 __attribute__((vector_size(16))) int8_t
#define MNC_VECTOR_S32 __attribute__((vector_size(16))) int32_t
#define MNC_LOAD_VECTOR(v, p) __asm__ volatile("vldrb.8 %q0, [%1], #16" : "=w"(v), "+r"(p) : : "memory")
#if defined(__OPTIMIZE__) && !defined(MNC_SMALL)
#define MNC_LOAD_BESIDE(v, p, distance) \
    __asm__ volatile("vldrb.8 %q0, [%1, %2]" : "=w"(v) : "r"(p), "i"(distance) : "memory")
#define MNC_MOVE_WIDENED(v, p, by) __asm__ volatile("vldrb.s32 %q0, [%1], %2" : "=w"(v), "+l"(p) : "i"(by) : "memory")
#endif
#define MNC_LOAD_AT(v, p) __asm__ volatile("vldrb.8 %q0, [%1]" : "=w"(v) : "r"(p) : "memory")
#define MNC_LOAD_WORDS(v, p) __asm__ volatile("vldrw.32 %q0, [%1]" : "=w"(v) : "r"(p) : "memory")
#define MNC_LOAD_WIDENED(v, p) __asm__ volatile("vldrb.s32 %q0, [%1]" : "=w"(v) : "l"(p) : "memory")
#define MNC_ADD_PRODUCTS(sum, a, b) __asm__ volatile("vmladava.s8 %0, %q1, %q2" : "+Te"(sum) : "w"(a), "w"(b))
#define MNC_EVERYWHERE(v, x) __asm__("vdup.32 %q0, %1" : "=w"(v) : "r"(x))
#define MNC_FOUR(v, a, b, c, d) \
    __asm__("vmov %q0[2], %q0[0], %1, %3\n\tvmov %q0[3], %q0[1], %2, %4" : "=&w"(v) : "r"(a), "r"(b), "r"(c), "r"(d))
#define MNC_HIGH_PRODUCTS(v, by) __asm__("vqrdmulh.s32 %q0, %q0, %q1" : "+w"(v) : "w"(by))
#define MNC_HIGH_PRODUCTS_BY(v, by) __asm__("vqrdmulh.s32 %q0, %q0, %1" : "+w"(v) : "r"(by))
#define MNC_ADD_SIGNS(v, t) \
    __asm__("vshr.s32 %q1, %q0, #31\n\tvadd.i32 %q0, %q0, %q1" : "+w"(v), "=&w"(t))
#define MNC_SHIFT_EACH(v, by) __asm__("vrshl.s32 %q0, %q0, %q1" : "+w"(v) : "w"(by))
#define MNC_SHIFT_ALL(v, by) __asm__("vrshl.s32 %q0, %1" : "+w"(v) : "r"(by))
#define MNC_SHIFT_LEFT_20(v) __asm__("vshl.i32 %q0, %q0, #20" : "+w"(v))
#define MNC_ADD_TO_ALL(v, x) __asm__("vadd.i32 %q0, %q0, %1" : "+w"(v) : "r"(x))
#define MNC_MULTIPLY_VECTORS(v, w) __asm__("vmul.i32 %q0, %q0, %q1" : "+w"(v) : "w"(w))
#define MNC_ADD_MULTIPLE(v, w, x) __asm__("vmla.s32 %q0, %q1, %2" : "+w"(v) : "w"(w), "r"(x))
#define MNC_ADD_VECTORS(v, w) __asm__("vadd.i32 %q0, %q0, %q1" : "+w"(v) : "w"(w))
#define MNC_WITHIN(v, low, high) \
    __asm__("vmax.s32 %q0, %q0, %q1\n\tvmin.s32 %q0, %q0, %q2" : "+w"(v) : "w"(low), "w"(high))
#define MNC_STORE_NARROWED(p, v) __asm__ volatile("vstrb.32 %q1, [%0]" : : "l"(p), "w"(v) : "memory")
#define MNC_SCATTER_NARROWED(p, offsets, v) \
    __asm__ volatile("vstrb.32 %q2, [%0, %q1]" : : "r"(p), "w"(offsets), "w"(v) : "memory")
#define MNC_COPY_VECTORS(to, from, count, v) \
    __asm__ volatile("wlstp.8 lr, %3, 1f\n2:\n\tvldrb.8 %q2, [%1], #16\n\tvstrb.8 %q2, [%0], #16\n\tletp lr, 2b\n1:" \
                     : "+r"(to), "+r"(from), "=&w"(v) \
                     : "r"(count) \
                     : "lr", "memory")
#define MNC_FILL_VECTORS(to, value, count, v) \
    __asm__ volatile("vdup.8 %q1, %3\n\twlstp.8 lr, %2, 1f\n2:\n\tvstrb.8 %q1, [%0], #16\n\tletp lr, 2b\n1:" \
                     : "+r"(to), "=&w"(v) \
                     : "r"(count), "r"(value) \
                     : "lr", "memory")
#define MNC_INTERLEAVE(to, row0, row1, row2, count) \
    __asm__ volatile("vctp.8 %4\n\tvpsttt\n\tvldrbt.8 q0, [%0]\n\tvldrbt.8 q1, [%1]\n\tvldrbt.8 q2, [%2]\n\t" \
                     "vmov q3, q2\n\tvst40.8 {q0, q1, q2, q3}, [%3]\n\tvst41.8 {q0, q1, q2, q3}, [%3]\n\t" \
                     "vst42.8 {q0, q1, q2, q3}, [%3]\n\tvst43.8 {q0, q1, q2, q3}, [%3]" \
                     : \
                     : "r"(row0), "r"(row1), "r"(row2), "r"(to), "r"(count) \
                     : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", \
                       "s15", "memory")
#endif

/* Lanes: floats side by side, of which a core multiplies and adds four or eight at once:
 * a PC's (x86-64, aarch64) by GCC's and Clang's vectors, which every dialect of C has, and
 * one with Helium by assembly of GCC's.  A fused multiply-add is asked for by name, as by
 * MNC_FMA, and so are loads, which GCC would otherwise do once for each use.  An input
 * times a vector is a vector filled with it, on Helium a word of a core's register.  There
 * a round of a loop takes up to four inputs; GCC would spill a PC's sums.
 * Without such a core, with another compiler, with MNC_EXACT_FMA on a core that does not
 * fuse, or with MNC_NO_LANES defined, the kernels go element by element. */
#if defined(MNC_NO_LANES) || !defined(__GNUC__)
/* no lanes */
#elif defined(__arm__) && defined(__ARM_FEATURE_MVE) && !defined(__clang__) && !defined(__ARM_BIG_ENDIAN)
#if (__ARM_FEATURE_MVE & 2) != 0
#define MNC_LANES 4
#define MNC_LANES_ROUND 4
#define MNC_LANES_LOOSE float __attribute__((vector_size(16), aligned(4), may_alias))
#define MNC_LANES_BY_WORDS
#define MNC_FILLED_F32 int32_t
#define MNC_LOAD_LANES(v, p) __asm__ volatile("vldrw.32 %q0, %E1" : "=w"(v) : "Ux"(*(const MNC_LANES_LOOSE *)(p)))
#define MNC_FILL_LANES(v, p) __asm__ volatile("ldr %0, %1" : "=r"(v) : "m"(*(p)))
#define MNC_MULTIPLY_LANES(sum, a, b) __asm__ volatile("vfma.f32 %q0, %q1, %q2" : "+w"(sum) : "w"(a), "w"(b))
#define MNC_MULTIPLY_FILLED(sum, a, b) __asm__ volatile("vfma.f32 %q0, %q2, %1" : "+w"(sum) : "r"(a), "w"(b))
#define MNC_STORE_LANES(p, v, count) do { \
    if ((count) == 4) { \
        __asm__ volatile("vstrw.32 %q1, [%0]" : : "r"(p), "w"(v) : "memory"); \
    } else { \
        __asm__ volatile("vctp.32 %2\n\tvpst\n\tvstrwt.32 %q1, [%0]" : : "r"(p), "w"(v), "r"(count) : "memory"); \
    } \
} while (0)
#define MNC_CLIP_LANES(v, activation, high) do { \
    if ((activation) != MNC_LINEAR) { \
        __asm__("vpt.f32 lt, %q0, zr\n\tvmovt.i32 %q0, #0" : "+w"(v)); \
    } \
    if ((activation) == MNC_CLAMP) { \
        __asm__("vpt.f32 gt, %q0, %1\n\tvdupt.32 %q0, %1" : "+w"(v) : "r"(high)); \
    } \
} while (0)
#endif
#elif (defined(__SSE2__) || (defined(__aarch64__) && !defined(__AARCH64EB__))) && \
    !(defined(MNC_EXACT_FMA) && defined(__SSE2__) && !defined(__FMA__))
#if defined(__AVX__)
#define MNC_LANES 8
#define MNC_LOAD_LANES(v, p) __asm__("vmovups %1, %0" : "=x"(v) : "m"(*(const float(*)[8])(p)))
#define MNC_FILL_LANES(v, p) __asm__("vbroadcastss %1, %0" : "=x"(v) : "m"(*(p)))
#else
#define MNC_LANES 4
#if defined(__SSE2__)
#define MNC_LOAD_LANES(v, p) __asm__("movups %1, %0" : "=x"(v) : "m"(*(const float(*)[4])(p)))
#else
#define MNC_LOAD_LANES(v, p) __asm__("ldr %q0, %1" : "=w"(v) : "m"(*(const float(*)[4])(p)))
#endif
#define MNC_FILL_LANES(v, p) do { \
    const MNC_LANES_F32 zeros = {0.0f}; \
    \
    (v) = *(p) - zeros; \
} while (0)
#endif
#define MNC_LANES_ROUND 1
#define MNC_FILLED_F32 MNC_LANES_F32
#define MNC_LANES_S32 __attribute__((vector_size(4 * MNC_LANES))) int
#define MNC_STORE_LANES(p, v, count) __builtin_memcpy((p), &(v), (size_t)(count) * sizeof(float))
#if defined(__clang__) || !(defined(__FMA__) || defined(__aarch64__))
#define MNC_MULTIPLY_LANES(sum, a, b) ((sum) += (a) * (b))
#elif defined(__aarch64__)
#define MNC_MULTIPLY_LANES(sum, a, b) __asm__("fmla %0.4s, %1.4s, %2.4s" : "+w"(sum) : "w"(a), "w"(b))
#else
#define MNC_MULTIPLY_LANES(sum, a, b) ((sum) = __builtin_ia32_vfmaddps256((a), (b), (sum)))
#endif
#define MNC_MULTIPLY_FILLED(sum, a, b) MNC_MULTIPLY_LANES(sum, a, b)
#define MNC_CLIP_LANES(v, activation, high) do { \
    const MNC_LANES_F32 zeros = {0.0f}, limits = (high) - zeros; \
    if ((activation) != MNC_LINEAR) { \
        (v) = (MNC_LANES_F32)((MNC_LANES_S32)(v) & ~(MNC_LANES_S32)((v) < zeros)); \
    } \
    if ((activation) == MNC_CLAMP) { \
        const MNC_LANES_S32 over = (MNC_LANES_S32)((v) > limits); \
        \
        (v) = (MNC_LANES_F32)((over & (MNC_LANES_S32)limits) | (~over & (MNC_LANES_S32)(v))); \
    } \
} while (0)
#endif
#if defined(MNC_LANES)
#define MNC_LANES_F32 __attribute__((vector_size(4 * MNC_LANES))) float
#endif

/* Two neighbouring constants. */
#ifndef MNC_READ_TWO
#if defined(MNC_DSP) && defined(MNC_ONE_MEMORY)
#define MNC_READ_TWO(y, z, p) MNC_LOAD_TWO(y, z, p)
#else
#define MNC_READ_TWO(y, z, p) do { \
    (y) = MNC_READ_S32((p)[0]); \
    (z) = MNC_READ_S32((p)[1]); \
} while (0)
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
#define MNC_SATURATE_S8(x) ((x) = ((x) < -128) ? -128 : ((x) > 127) ? 127 : (x))
#endif
#endif

/* x within int16. */
#ifndef MNC_SATURATE_S16
#if defined(__GNUC__) && defined(__ARM_FEATURE_SAT)
#define MNC_SATURATE_S16(x) __asm__("ssat %0, #16, %1" : "=r"(x) : "r"(x))
#else
#define MNC_SATURATE_S16(x) ((x) = ((x) < -32768) ? -32768 : ((x) > 32767) ? 32767 : (x))
#endif
#endif

/* x shifted to the right by a literal and within int8, in one instruction where the
 * core has it and the compiler sees that the shift is a literal. */
#ifndef MNC_SATURATE_SHIFTED
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(MNC_SMALL) && \
    defined(__ARM_FEATURE_SAT)
#define MNC_SATURATE_SHIFTED(x, shift) __asm__("ssat %0, #8, %1, asr %2" : "=r"(x) : "r"(x), "i"(shift))
#endif
#endif

/* Round each call of another library that returns a status: define it to trap where
 * the status is not ARM_CMSIS_NN_SUCCESS.  As planned, every call succeeds. */
#ifndef MNC_CHECK
#define MNC_CHECK(call) (void)(call)
#endif
