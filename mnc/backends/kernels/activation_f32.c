/* The activations that cost next to nothing, applied as a kernel stores. */
#define MNC_LINEAR 0 /* x */
#define MNC_RELU 1   /* max(x, 0) */
#define MNC_CLAMP 2  /* min(max(x, 0), high) */

/* Floats order like their bit patterns where positive, and negative floats are
 * negative integers: without a float minimum in the core (all of Cortex-M, and
 * every core without FPU) comparing the patterns takes the fewest instructions. */
MNC_KERNEL float mnc_activate_f32(float x, int activation, float high)
{
#if defined(__SSE__) || defined(__aarch64__) || UINT_MAX != 0xFFFFFFFFu
    if (activation != MNC_LINEAR)
        x = x < 0.0f ? 0.0f : x;
    if (activation == MNC_CLAMP)
        x = x > high ? high : x;
    return x;
#else
    union {
        float value;
        int bits;
    } y, limit;

    y.value = x;
    limit.value = high;
    if (activation != MNC_LINEAR)
        y.bits = y.bits < 0 ? 0 : y.bits;
    if (activation == MNC_CLAMP)
        y.bits = y.bits > limit.bits ? limit.bits : y.bits;
    return y.value;
#endif
}
