/* The activations that cost next to nothing, applied as a kernel stores. */
#define MNC_LINEAR 0 /* x */
#define MNC_RELU 1   /* max(x, 0) */
#define MNC_CLAMP 2  /* min(max(x, 0), high) */

/* A signed word within 0 to 2^30 - 1, which are the bits of the floats from 0 to the
 * last before 2. */
#if !defined(MNC_SATURATE_U30) && defined(__GNUC__) && defined(__ARM_FEATURE_SAT)
#define MNC_SATURATE_U30(x) __asm__("usat %0, #30, %1" : "=r"(x) : "r"(x))
#endif

/* Floats order like their bit patterns where positive, and negative floats are
 * negative integers: without a float minimum in the core (all of Cortex-M, and
 * every core without FPU) comparing the patterns takes the fewest instructions.  A
 * clamp at 2, whose pattern is 2^30, is one instruction of Arm's, and gives the float
 * before 2 instead of 2. */
MNC_KERNEL float mnc_activate_f32(float x, int activation, float high)
{
#if defined(__SSE__) || defined(__aarch64__) || UINT_MAX != 0xFFFFFFFFu
    float y = x;

    if (activation != MNC_LINEAR) {
        y = (y < 0.0f) ? 0.0f : y;
    }
    if (activation == MNC_CLAMP) {
        y = (y > high) ? high : y;
    }
    return y;
#else
    union {
        float value;
        int bits;
    } y;
    union {
        float value;
        int bits;
    } limit;

    y.value = x;
    limit.value = high;
#if defined(MNC_SATURATE_U30)
    if ((activation == MNC_CLAMP) && (limit.bits == 0x40000000)) {
        MNC_SATURATE_U30(y.bits);
    } else
#endif
    {
        if (activation != MNC_LINEAR) {
            y.bits = (y.bits < 0) ? 0 : y.bits;
        }
        if (activation == MNC_CLAMP) {
            y.bits = (y.bits > limit.bits) ? limit.bits : y.bits;
        }
    }
    return y.value;
#endif
}

/* sum + x * weight, of a sum that is 0 if it is the `first` product. */
MNC_KERNEL float mnc_add_product_f32(float sum, float x, float weight, int first)
{
    float total = sum;

    if (first != 0) {
        total = x * weight;
    } else {
        MNC_ACCUMULATE(total, x, weight);
    }
    return total;
}
