/* Random calls that every form of the kernels takes. */
#include "trial.h"

#include <string.h>

#include "arm_nnfunctions.h"

#define CHANNELS 160
#define COUNT(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

static uint32_t state;
static int8_t input[8192], second[8192], filter[16384];
static int16_t wide_input[4096], wide_output[1024];
static int64_t wide_bias[CHANNELS];
static int16_t powers[513], reciprocals[513];
static int32_t bias[CHANNELS], multiplier[CHANNELS], shift[CHANNELS], sums[CHANNELS], scratch[16384];

static int32_t draw(int32_t low, int32_t high)
{
    state = state * 1664525u + 1013904223u;
    return low + (int32_t)((state >> 8) % (uint32_t)(high - low + 1));
}

/* Calls with several draws among their arguments would differ from compiler to compiler, hence these. */
static cmsis_nn_dims drawn(int32_t n, int32_t h, int32_t w, int32_t c)
{
    cmsis_nn_dims made;
    made.n = n;
    made.h = draw(1, h);
    made.w = draw(1, w);
    made.c = draw(1, c);
    return made;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static cmsis_nn_dims dims(int32_t n, int32_t h, int32_t w, int32_t c)
{
    cmsis_nn_dims made;
    made.n = n;
    made.h = h;
    made.w = w;
    made.c = c;
    return made;
}

/* Data for everything; scales that spread sums over int8, or now and then do not. */
static void fill(void)
{
    int32_t i, usual = draw(-11, -6), wild = draw(0, 9) == 0;
    for (i = 0; i < COUNT(input); i++) {
        input[i] = (int8_t)draw(-128, 127);
        second[i] = (int8_t)draw(-128, 127);
    }
    for (i = 0; i < COUNT(filter); i++) {
        filter[i] = (int8_t)draw(-127, 127);
    }
    for (i = 0; i < CHANNELS; i++) {
        bias[i] = draw(-20000, 20000);
        multiplier[i] = 0x40000000 + draw(0, 0x3ffffff) * 16;
        multiplier[i] += draw(0, 15);
        shift[i] = wild ? draw(-20, 2) : usual + draw(-1, 1);
    }
}

static cmsis_nn_activation activation(void)
{
    cmsis_nn_activation made;
    made.min = draw(0, 1) ? -128 : draw(-128, 20);
    made.max = draw(0, 1) ? 127 : draw(made.min, 127);
    return made;
}

static cmsis_nn_tile tile(int32_t low, int32_t high)
{
    cmsis_nn_tile made;
    made.w = draw(low, high);
    made.h = draw(low, high);
    return made;
}

static cmsis_nn_context context(void *buffer, size_t size)
{
    cmsis_nn_context made;
    made.buf = buffer;
    made.size = (int32_t)size;
    return made;
}

/* Elements of output along an axis; none where no window fits. */
static int32_t windows(int32_t size, int32_t before, int32_t kernel, int32_t stride, int32_t dilation)
{
    int32_t room = size + before + draw(0, before) - ((kernel - 1) * dilation + 1);
    return room < 0 ? 0 : room / stride + 1;
}

static cmsis_nn_per_channel_quant_params scales(void)
{
    cmsis_nn_per_channel_quant_params made;
    made.multiplier = multiplier;
    made.shift = shift;
    return made;
}

/*
 * Where the output begins so far below its input that no row of it comes upon what later rows
 * read, the functions that go by rows from the first to the last have to give the same.
 */
static int16_t memory[16384];

static const void *ahead(const void *data, const cmsis_nn_dims *x, const cmsis_nn_dims *y, int32_t stride,
                         int32_t padding, int32_t bytes)
{
    int32_t distance = 0, row;
    char *place;
    for (row = 0; row < y->h; row++) {
        int32_t first = larger(0, row * stride - padding);
        int32_t needed = (row + 1) * y->w * y->c - first * x->w * x->c;
        distance = first < x->h ? larger(distance, needed) : distance;
    }
    place = (char *)memory + (size_t)(distance * bytes);
    memcpy(place, data, (size_t)(x->n * x->h * x->w * x->c * bytes));
    return place;
}

static int try_convolution(int32_t which, int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_conv_params p;
    cmsis_nn_dims x, w, y, b, up;
    int32_t groups = draw(0, 3) == 0 ? draw(2, 3) : 1, doubled = draw(0, 4) == 0;
    const int32_t *added = draw(0, 3) ? bias : NULL;
    const int8_t *in = input;
    int8_t *out = output;
    int status;
    p.input_offset = draw(-127, 128);
    p.output_offset = draw(-128, 127);
    p.activation = activation();
    p.stride = tile(1, 3);
    p.dilation = tile(1, 2);
    p.padding = tile(0, 2);
    x = drawn(1, 7, 7, 20);
    w = drawn(x.c, 4, 4, 20);
    w = dims(w.c, w.h, w.w, x.c);
    if (which == 0 && groups > 1 && !doubled) {
        w.c = draw(1, 5);
        x.c = w.c * groups;
        w.n = draw(1, 6) * groups;
        added = bias;
    }
    if (which == 1 || which == 2) {
        w.h = w.w = 1;
        p.padding.w = p.padding.h = 0;
        p.dilation.w = p.dilation.h = 1;
        if (which == 1) {
            p.stride.w = p.stride.h = 1;
        }
    }
    if (which == 3) {
        x.h = w.h = p.dilation.w = p.dilation.h = 1;
        p.padding.h = 0;
        x.w = draw(3, 12);
        x.c = w.c = draw(1, 5) * 4 / (p.stride.w == 2 ? 2 : 1);
    }
    up = dims(1, 1 + doubled, 1 + doubled, 1);
    x.h *= which == 0 && doubled ? 2 : 1;
    x.w *= which == 0 && doubled ? 2 : 1;
    y = dims(1, windows(x.h, p.padding.h, w.h, p.stride.h, p.dilation.h), 0, w.n);
    y.w = windows(x.w, p.padding.w, w.w, p.stride.w, p.dilation.w);
    if (which == 3) { /* padding as TensorFlow Lite has it, the odd element last */
        int32_t stride = p.stride.w, same = draw(0, 2) > 0, total;
        y.h = 1;
        y.w = same ? (x.w + stride - 1) / stride : (x.w - w.w) / stride + 1;
        total = (y.w - 1) * stride + w.w - x.w;
        if (total < 0 || w.w > x.w || (total > 0 && ((total + 1) / 2 - 1) % stride != 0) ||
            (total % 2 != 0 && stride > 1 && (total + 1) / 2 > stride)) {
            return 0;
        }
        p.padding.w = total / 2;
        if (stride > 1 && total == 0) {
            return 0;
        }
    }
    if (y.h < 1 || y.w < 1 || y.h > 8 || y.w > 12 || y.h * y.w * y.c >= TRIAL_OUTPUT_SIZE) {
        return 0;
    }
    b = dims(1, 1, 1, y.c);
    if ((which == 0 && !doubled && w.c == x.c) || which == 2) {
        in = (const int8_t *)ahead(input, &x, &y, p.stride.h, p.padding.h, 1);
        out = (int8_t *)memory;
    }
    switch (which) {
    case 0:
        status = arm_convolve_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, doubled ? &up : NULL, &y, out);
        break;
    case 1:
        status = arm_convolve_1x1_s8_fast(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
        break;
    case 2:
        status = arm_convolve_1x1_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
        break;
    default:
        status = arm_convolve_1_x_n_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
    }
    memmove(output, out, (size_t)(y.h * y.w * y.c));
    return 1 + status;
}

static int try_depthwise(int32_t which, int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_dw_conv_params p;
    cmsis_nn_dims x, w, y, b;
    const int32_t *added = draw(0, 3) ? bias : NULL;
    const int8_t *in = input;
    int8_t *out = output;
    int status;
    p.input_offset = draw(-127, 128);
    p.output_offset = draw(-128, 127);
    p.activation = activation();
    p.stride = tile(1, 3);
    p.dilation = tile(1, 1);
    p.padding = tile(0, 2);
    p.ch_mult = 1;
    x = drawn(1, 7, 7, 20);
    w = drawn(1, 5, 5, 1);
    if (which == 0) {
        p.ch_mult = draw(1, 8);
        p.dilation = tile(1, draw(1, 2));
        x.c = draw(1, 3);
    }
    if (which == 1) {
        w.h = w.w = 3;
        p.padding = tile(0, 1);
    }
    if (which == 2 && draw(0, 3) == 0) {
        x = drawn(1, 2, 3, 30);
        x.c += 120;
        added = bias;
    }
    if (which == 3 && draw(0, 1)) {
        w.h = w.w = 3;
    }
    x.c += which == 3 && x.c == 1; /* which MVE computes otherwise */
    w.c = x.c * p.ch_mult;
    added = p.ch_mult % 4 == 0 ? bias : added;
    y = dims(1, windows(x.h, p.padding.h, w.h, p.stride.h, p.dilation.h), 0, w.c);
    y.w = windows(x.w, p.padding.w, w.w, p.stride.w, p.dilation.w);
    if (y.h < 1 || y.w < 1 || y.h * y.w * y.c >= TRIAL_OUTPUT_SIZE) {
        return 0;
    }
    if (w.h == 3 && w.w == 3 && which != 0 && (y.w - 1) * p.stride.w - p.padding.w + 1 >= x.w) {
        return 0;
    }
    if (p.padding.h > w.h || (y.h - 1) * p.stride.h - p.padding.h > x.h) {
        return 0;
    }
    b = dims(1, 1, 1, y.c);
    if (x.c <= 124) {
        in = (const int8_t *)ahead(input, &x, &y, p.stride.h, p.padding.h, 1);
        out = (int8_t *)memory;
    }
    switch (which) {
    case 0:
        status = arm_depthwise_conv_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
        break;
    case 1:
        status = arm_depthwise_conv_3x3_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
        break;
    case 2:
        status = arm_depthwise_conv_s8_opt(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
        break;
    default:
        status = arm_depthwise_conv_wrapper_s8(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, out);
    }
    memmove(output, out, (size_t)(y.h * y.w * y.c));
    return 1 + status;
}

static int try_transposed(int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch), none = context(NULL, 0);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_transpose_conv_params p;
    cmsis_nn_dims x = drawn(1, 5, 9, 18), w = drawn(1, 5, 5, 10), y, b;
    int32_t final;
    p.input_offset = draw(-127, 128);
    p.output_offset = draw(-128, 127);
    p.activation = activation();
    p.stride = tile(1, 3);
    p.dilation = tile(1, 1);
    p.padding = tile(0, 2);
    p.padding.h *= p.stride.h;
    p.padding_offsets = tile(0, 0);
    w = dims(w.c, w.h, w.w, x.c);
    final = larger(0, x.h * p.stride.h - p.padding.h);
    y = dims(1, final + draw(0, larger(0, w.h - p.stride.h)), 0, w.n);
    y.w = (x.w - 1) * p.stride.w + larger(w.w, p.stride.w) - p.padding.w - draw(0, 2);
    if (y.h < 1 || y.w < 1 || y.h * y.w * y.c >= TRIAL_OUTPUT_SIZE || x.h * p.stride.h < p.padding.h) {
        return 0;
    }
    b = dims(1, 1, 1, y.c);
    return 1 + arm_transpose_conv_s8(&ctx, &none, &p, &quant, &x, input, &w, filter, &b, draw(0, 3) ? bias : NULL, &y,
                                     output);
}

static int try_dense(int32_t per_channel, int8_t *output)
{
    cmsis_nn_context ctx = context(sums, sizeof sums);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_per_tensor_quant_params one;
    cmsis_nn_fc_params p;
    int32_t batch = draw(1, 2), depth = draw(1, 90), rows = draw(1, 40), row, i;
    cmsis_nn_dims x = dims(batch, 1, 1, depth), w = dims(depth, 1, 1, rows), y = dims(batch, 1, 1, rows);
    cmsis_nn_dims b = dims(1, 1, 1, rows);
    const int32_t *added = draw(0, 3) ? bias : NULL;
    p.input_offset = draw(-127, 128);
    p.filter_offset = 0;
    p.output_offset = draw(-128, 127);
    p.activation = activation();
    one.multiplier = multiplier[0];
    one.shift = shift[0];
    for (row = 0; row < rows; row++) {
        sums[row] = added == NULL ? 0 : bias[row];
        for (i = 0; i < depth; i++) {
            sums[row] += p.input_offset * filter[row * depth + i];
        }
    }
    if (per_channel) {
        return 1 + arm_fully_connected_per_channel_s8(&ctx, &p, &quant, &x, input, &w, filter, &b, added, &y, output);
    }
    return 1 + arm_fully_connected_s8(&ctx, &p, &one, &x, input, &w, filter, &b, added, &y, output);
}

static void fill_int16(void);
static cmsis_nn_activation activation_int16(void);
static void store_int16(int8_t *output, int32_t count);

static int try_pooling(int32_t largest, int wide, int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch);
    cmsis_nn_pool_params p;
    cmsis_nn_dims x = drawn(draw(1, 2), 7, 7, 37), pool = drawn(1, 5, 5, 1), y;
    const void *in;
    void *out;
    int32_t bytes = wide ? 2 : 1;
    int status;
    p.stride = tile(1, 3);
    p.activation = wide ? activation_int16() : activation();
    p.padding.h = draw(0, pool.h - 1);
    p.padding.w = draw(0, pool.w - 1);
    y = dims(x.n, windows(x.h, p.padding.h, pool.h, p.stride.h, 1), 0, x.c);
    y.w = windows(x.w, p.padding.w, pool.w, p.stride.w, 1);
    if (y.h < 1 || y.w < 1 || y.n * y.h * y.w * y.c * bytes >= TRIAL_OUTPUT_SIZE) {
        return 0;
    }
    if ((y.h - 1) * p.stride.h - p.padding.h >= x.h || (y.w - 1) * p.stride.w - p.padding.w >= x.w) {
        return 0;
    }
    if (wide) {
        fill_int16();
    }
    in = wide ? (const void *)wide_input : input;
    out = wide ? (void *)wide_output : output;
    if (x.n == 1) {
        in = ahead(in, &x, &y, p.stride.h, p.padding.h, bytes);
        out = memory;
    }
    if (wide) {
        status = largest ? arm_max_pool_s16(&ctx, &p, &x, (const int16_t *)in, &pool, &y, (int16_t *)out)
                         : arm_avgpool_s16(&ctx, &p, &x, (const int16_t *)in, &pool, &y, (int16_t *)out);
        memmove(wide_output, out, (size_t)(y.n * y.h * y.w * y.c) * sizeof(int16_t));
        store_int16(output, y.n * y.h * y.w * y.c);
    } else {
        status = largest ? arm_max_pool_s8(&ctx, &p, &x, (const int8_t *)in, &pool, &y, (int8_t *)out)
                         : arm_avgpool_s8(&ctx, &p, &x, (const int8_t *)in, &pool, &y, (int8_t *)out);
        memmove(output, out, (size_t)(y.n * y.h * y.w * y.c));
    }
    return 1 + status;
}

static int try_elementwise(int32_t which, int8_t *output)
{
    int32_t size = draw(1, TRIAL_OUTPUT_SIZE - 1), in_place = draw(0, 2);
    int32_t offset_1 = draw(-127, 128), offset_2 = draw(-127, 128), offset = draw(-128, 127);
    int32_t shift_1 = draw(-4, 0), shift_2 = draw(-4, 0);
    cmsis_nn_activation limits = activation();
    cmsis_nn_context none = context(NULL, 0);
    cmsis_nn_dims all = dims(1, 1, 1, size);
    const int8_t *a = in_place == 1 ? output : input, *b = in_place == 2 ? output : second;
    memcpy(output, in_place == 1 ? input : second, (size_t)size);
    switch (which) {
    case 0: /* the larger of two scales is taken as the unit */
        return 1 + arm_elementwise_add_s8(a, b, offset_1, multiplier[0], shift_1, offset_2, multiplier[1], shift_2, 20,
                                          output, offset, multiplier[2], draw(-20, -17), limits.min, limits.max, size);
    case 1:
        return 1 + arm_elementwise_mul_s8(a, b, offset_1, offset_2, output, offset, multiplier[0], draw(-9, -5),
                                          limits.min, limits.max, size);
    case 2:
        return 1 + arm_maximum_s8(&none, a, &all, b, &all, output, &all);
    default:
        return 1 + arm_minimum_s8(&none, a, &all, b, &all, output, &all);
    }
}

static int try_softmax(int8_t *output)
{
    int32_t row_size = draw(1, 60), rows = draw(1, 16), left = draw(18, 26);
    int32_t smallest = -(31 << 26 >> left);
    memcpy(output, input, (size_t)(rows * row_size));
    arm_softmax_s8(draw(0, 1) ? output : input, rows, row_size, multiplier[0], left, smallest, output);
    return 1;
}

/* Sums of int16 are larger: scales for them, and biases of either size. */
static void fill_int16(void)
{
    int32_t i, usual = draw(-13, -7);
    for (i = 0; i < COUNT(wide_input); i++) {
        wide_input[i] = (int16_t)draw(-32768, 32767);
    }
    for (i = 0; i < CHANNELS; i++) {
        bias[i] = draw(-4000000, 4000000);
        wide_bias[i] = (int64_t)bias[i] * draw(1, 40);
        shift[i] = usual + draw(-1, 1);
    }
}

static cmsis_nn_activation activation_int16(void)
{
    cmsis_nn_activation made;
    made.min = draw(0, 1) ? -32768 : draw(-32768, 5000);
    made.max = draw(0, 1) ? 32767 : draw(made.min, 32767);
    return made;
}

/* Both bytes of each value. */
static void store_int16(int8_t *output, int32_t count)
{
    int32_t i;
    for (i = 0; i < count; i++) {
        int32_t bits = wide_output[i] & 0xffff;
        output[2 * i] = (int8_t)((bits & 0xff) - 128);
        output[2 * i + 1] = (int8_t)((bits >> 8) - 128);
    }
}

static int try_convolution_int16(int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_conv_params p;
    cmsis_nn_dims x = drawn(1, 6, 6, 20), w = drawn(1, 4, 4, 20), y, b;
    int narrow = draw(0, 1), unbiased = draw(0, 3) == 0, status;
    const cmsis_nn_bias_data none = {NULL, false}, of_32 = {bias, true}, of_64 = {wide_bias, false};
    p.input_offset = p.output_offset = 0;
    p.stride = tile(1, 3);
    p.dilation = tile(1, 2);
    p.padding = tile(0, 2);
    fill_int16();
    p.activation = activation_int16();
    w = dims(w.c, w.h, w.w, x.c);
    y = dims(1, windows(x.h, p.padding.h, w.h, p.stride.h, p.dilation.h), 0, w.n);
    y.w = windows(x.w, p.padding.w, w.w, p.stride.w, p.dilation.w);
    if (y.h < 1 || y.w < 1 || 2 * y.h * y.w * y.c >= TRIAL_OUTPUT_SIZE) {
        return 0;
    }
    b = dims(1, 1, 1, y.c);
    status = arm_convolve_s16(&ctx, &p, &quant, &x, (const int16_t *)ahead(wide_input, &x, &y, p.stride.h, p.padding.h, 2),
                              &w, filter, &b, unbiased ? &none : narrow ? &of_32 : &of_64, &y, memory);
    memcpy(wide_output, memory, (size_t)(y.h * y.w * y.c) * sizeof(int16_t));
    store_int16(output, y.h * y.w * y.c);
    return 1 + status;
}

static int try_depthwise_int16(int32_t fast, int8_t *output)
{
    cmsis_nn_context ctx = context(scratch, sizeof scratch);
    cmsis_nn_per_channel_quant_params quant = scales();
    cmsis_nn_dw_conv_params p;
    cmsis_nn_dims x = drawn(1, 6, 6, 15), w = drawn(1, 5, 5, 1), y, b;
    const int64_t *added = draw(0, 3) ? wide_bias : NULL;
    const int16_t *in;
    int status;
    p.input_offset = p.output_offset = 0;
    p.stride = tile(1, 3);
    p.dilation = tile(1, fast ? 1 : 2);
    p.padding = tile(0, 2);
    p.ch_mult = fast ? 1 : draw(1, 4);
    fill_int16();
    p.activation = activation_int16();
    w.c = x.c * p.ch_mult;
    y = dims(1, windows(x.h, p.padding.h, w.h, p.stride.h, p.dilation.h), 0, w.c);
    y.w = windows(x.w, p.padding.w, w.w, p.stride.w, p.dilation.w);
    if (y.h < 1 || y.w < 1 || 2 * y.h * y.w * y.c >= TRIAL_OUTPUT_SIZE) {
        return 0;
    }
    if (p.padding.h > w.h || (y.h - 1) * p.stride.h - p.padding.h > x.h) {
        return 0;
    }
    b = dims(1, 1, 1, y.c);
    in = (const int16_t *)ahead(wide_input, &x, &y, p.stride.h, p.padding.h, 2);
    if (fast) {
        status = arm_depthwise_conv_fast_s16(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, memory);
    } else {
        status = arm_depthwise_conv_s16(&ctx, &p, &quant, &x, in, &w, filter, &b, added, &y, memory);
    }
    memcpy(wide_output, memory, (size_t)(y.h * y.w * y.c) * sizeof(int16_t));
    store_int16(output, y.h * y.w * y.c);
    return 1 + status;
}

static int try_dense_int16(int8_t *output)
{
    cmsis_nn_context ctx = context(NULL, 0);
    cmsis_nn_per_tensor_quant_params one;
    cmsis_nn_fc_params p;
    int32_t batch = draw(1, 3), depth = draw(1, 90), rows = draw(1, 40);
    cmsis_nn_dims x = dims(batch, 1, 1, depth), w = dims(depth, 1, 1, rows), y = dims(batch, 1, 1, rows);
    cmsis_nn_dims b = dims(1, 1, 1, rows);
    int status;
    fill_int16();
    p.input_offset = p.filter_offset = p.output_offset = 0;
    p.activation = activation_int16();
    one.multiplier = multiplier[0];
    one.shift = shift[0];
    status = arm_fully_connected_s16(&ctx, &p, &one, &x, wide_input, &w, filter, &b, draw(0, 3) ? wide_bias : NULL, &y,
                                     wide_output);
    store_int16(output, batch * rows);
    return 1 + status;
}

static int try_elementwise_int16(int32_t product, int8_t *output)
{
    int32_t size = draw(1, (TRIAL_OUTPUT_SIZE - 1) / 2), in_place = draw(0, 2);
    int32_t shift_1 = draw(-4, 0), shift_2 = draw(-4, 0), down = product ? draw(-17, -12) : draw(-17, -13);
    const int16_t *a = wide_input, *b = wide_input + TRIAL_OUTPUT_SIZE;
    cmsis_nn_activation limits = activation_int16();
    int status;
    fill_int16();
    memcpy(wide_output, in_place == 1 ? a : b, (size_t)size * sizeof(int16_t));
    a = in_place == 1 ? wide_output : a;
    b = in_place == 2 ? wide_output : b;
    status = product ? arm_elementwise_mul_s16(a, b, 0, 0, wide_output, 0, multiplier[0], down, limits.min, limits.max,
                                               size)
                     : arm_elementwise_add_s16(a, b, 0, multiplier[0], shift_1, 0, multiplier[1], shift_2, 15,
                                               wide_output, 0, multiplier[2], down, limits.min, limits.max, size);
    store_int16(output, size);
    return 1 + status;
}

/* With a square for the exponential function; the tables are arguments. */
static int try_softmax_int16(int8_t *output)
{
    int32_t row_size = draw(2, 8), rows = draw(1, 30), down = draw(-6, 2), in_place = draw(0, 1), i;
    cmsis_nn_softmax_lut_s16 tables;
    int status;
    fill_int16();
    for (i = 0; i < COUNT(powers); i++) {
        powers[i] = (int16_t)(2 + i * i / 9);
        reciprocals[i] = (int16_t)(i == 0 ? 32767 : 32768 * 512 / (512 + i));
    }
    tables.exp_lut = powers;
    tables.one_by_one_lut = reciprocals;
    memcpy(wide_output, wide_input, sizeof wide_output);
    status = arm_softmax_s16(in_place ? wide_output : wide_input, rows, row_size, multiplier[0], down, &tables,
                             wide_output);
    store_int16(output, rows * row_size);
    return 1 + status;
}

void trial_init(trial_t *trial)
{
    trial->unused = 0;
}

/* The last byte says how it went: 1 is right, 0 that nothing was called as the arguments did not fit. */
void trial_run(trial_t *trial, const int32_t *seed, int8_t *output)
{
    int32_t kind = *seed % 26, which = 0;
    (void)trial;
    state = (uint32_t)*seed * 2654435761u;
    memset(output, 0, TRIAL_OUTPUT_SIZE);
    fill();
    if (kind < 4) {
        which = try_convolution(kind, output);
    } else if (kind < 8) {
        which = try_depthwise(kind - 4, output);
    } else if (kind < 10) {
        which = try_dense(kind - 8, output);
    } else if (kind < 12) {
        which = try_pooling(kind - 10, 0, output);
    } else if (kind < 16) {
        which = try_elementwise(kind - 12, output);
    } else if (kind == 16) {
        which = try_convolution_int16(output);
    } else if (kind < 19) {
        which = try_depthwise_int16(kind - 17, output);
    } else if (kind == 19) {
        which = try_dense_int16(output);
    } else if (kind < 22) {
        which = try_pooling(kind - 20, 1, output);
    } else if (kind < 24) {
        which = try_elementwise_int16(kind - 22, output);
    } else if (kind == 24) {
        which = try_softmax_int16(output);
    } else {
        which = draw(0, 1) ? try_softmax(output) : try_transposed(output);
    }
    output[TRIAL_OUTPUT_SIZE - 1] = (int8_t)which;
}
