/* Checks and arithmetic of the stand-in. */
#include "stand_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *entered = "";

void stand_in_enter(const char *kernel)
{
    entered = kernel;
}

void stand_in_require(int holds, const char *condition)
{
    if (!holds) {
        fprintf(stderr, "%s: does not hold: %s\n", entered, condition);
        fflush(stderr);
        abort();
    }
}

int64_t volume(const cmsis_nn_dims *dims)
{
    return (int64_t)dims->n * dims->h * dims->w * dims->c;
}

int32_t round_up(int32_t value, int32_t multiple)
{
    return (value + multiple - 1) / multiple * multiple;
}

void readable(const void *data, int64_t bytes)
{
    const volatile unsigned char *byte = (const volatile unsigned char *)data;
    int64_t i;
    unsigned sum = 0;
    REQUIRE(data != NULL);
    for (i = 0; i < bytes; i++) {
        sum += byte[i];
    }
    (void)sum;
}

void scratch(const cmsis_nn_context *ctx, int64_t bytes, const void *input, int64_t input_bytes, const void *output,
             int64_t output_bytes)
{
    REQUIRE(ctx != NULL);
    if (bytes > 0) {
        REQUIRE(ctx->buf != NULL);
        REQUIRE((uintptr_t)ctx->buf % sizeof(int32_t) == 0);
        REQUIRE(ctx->size >= bytes);
        disjoint(ctx->buf, bytes, input, input_bytes);
        disjoint(ctx->buf, bytes, output, output_bytes);
        memset(ctx->buf, 0xA5, (size_t)bytes); /* as a kernel leaves it: whatever else lay there is lost */
    }
}

void disjoint(const void *a, int64_t a_bytes, const void *b, int64_t b_bytes)
{
    uintptr_t x = (uintptr_t)a, y = (uintptr_t)b;
    REQUIRE(x + (uintptr_t)a_bytes <= y || y + (uintptr_t)b_bytes <= x);
}

void beside_or_below(const void *input, const void *output, int64_t bytes)
{
    if ((uintptr_t)output > (uintptr_t)input) {
        disjoint(input, bytes, output, bytes);
    }
}

RowWindow row_window(int32_t taps, int32_t stride, int32_t padding, int32_t dilation)
{
    RowWindow window;
    window.taps = taps;
    window.stride = stride;
    window.padding = padding;
    window.dilation = dilation;
    return window;
}

void beside_or_behind(const void *input, const cmsis_nn_dims *x, const void *output, const cmsis_nn_dims *y,
                      RowWindow window, int32_t bytes)
{
    int64_t x_row = (int64_t)x->w * x->c * bytes, y_row = (int64_t)y->w * y->c * bytes;
    int32_t row;
    if (x->n > 1) {
        disjoint(input, volume(x) * bytes, output, volume(y) * bytes);
        return;
    }
    for (row = 0; row < y->h; row++) {
        int32_t first = row * window.stride - window.padding, end = first + window.taps * window.dilation;
        while (first < 0) {
            first += window.dilation;
        }
        if (first < end && first < x->h) {
            disjoint((const char *)input + first * x_row, (x->h - first) * x_row, output, (row + 1) * y_row);
        }
    }
}

void positive(const cmsis_nn_dims *dims)
{
    REQUIRE(dims != NULL);
    REQUIRE(dims->n >= 1 && dims->h >= 1 && dims->w >= 1 && dims->c >= 1);
    REQUIRE(dims->h < 32768 && dims->w < 32768 && dims->c < 65536); /* kernels count in 16 bits */
}

void check_offsets(int32_t input_offset, int32_t output_offset)
{
    REQUIRE(input_offset >= -127 && input_offset <= 128);
    REQUIRE(output_offset >= -128 && output_offset <= 127);
}

void check_activation(cmsis_nn_activation activation)
{
    REQUIRE(activation.min >= -128 && activation.max <= 127);
    REQUIRE(activation.min <= activation.max);
}

void check_activation16(cmsis_nn_activation activation)
{
    REQUIRE(activation.min >= -32768 && activation.max <= 32767);
    REQUIRE(activation.min <= activation.max);
}

void check_scale(int32_t multiplier, int32_t shift)
{
    REQUIRE(multiplier >= 1 << 30 || (multiplier == 0 && shift == 0));
    REQUIRE(shift >= -31 && shift <= 30);
}

void check_scales(const int32_t *multiplier, const int32_t *shift, int32_t channels)
{
    int32_t i;
    REQUIRE(multiplier != NULL && shift != NULL);
    REQUIRE((uintptr_t)multiplier % sizeof(int32_t) == 0 && (uintptr_t)shift % sizeof(int32_t) == 0);
    for (i = 0; i < channels; i++) {
        check_scale(multiplier[i], shift[i]);
    }
}

int32_t as_int32(int64_t value)
{
    REQUIRE(value >= INT32_MIN && value <= INT32_MAX);
    return (int32_t)value;
}

int32_t limited(int64_t value, cmsis_nn_activation activation)
{
    return (int32_t)(value < activation.min ? activation.min : value > activation.max ? activation.max : value);
}

int32_t element(const void *data, int64_t place, int32_t bytes)
{
    return bytes == 1 ? ((const int8_t *)data)[place] : ((const int16_t *)data)[place];
}

void store(void *data, int64_t place, int32_t bytes, int32_t value)
{
    if (bytes == 1) {
        ((int8_t *)data)[place] = (int8_t)value;
    } else {
        ((int16_t *)data)[place] = (int16_t)value;
    }
}

/* The high half of the doubled product, to the nearest, halves upwards. */
int32_t high_product(int32_t a, int32_t b)
{
    int64_t sum = (int64_t)a * b + (1 << 30);
    int64_t unit = (int64_t)1 << 31;
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(sum >= 0 ? sum / unit : -((-sum + unit - 1) / unit));
}

/* Divided by a power of two, to the nearest, halves away from zero. */
int32_t rounded_shift(int32_t value, int32_t bits)
{
    int64_t unit = (int64_t)1 << bits;
    int64_t size = value < 0 ? -(int64_t)value : value;
    int64_t rounded = (size + unit / 2) / unit;
    return (int32_t)(value < 0 ? -rounded : rounded);
}

int32_t requantise(int64_t value, int32_t multiplier, int32_t shift)
{
    int32_t left = shift > 0 ? shift : 0;
    int32_t shifted = as_int32(as_int32(value) * ((int64_t)1 << left));
    return rounded_shift(high_product(shifted, multiplier), left - shift);
}

int8_t scaled(int64_t sum, const Scaling *scaling, int32_t channel)
{
    int64_t value = (int64_t)requantise(sum, scaling->multiplier[channel], scaling->shift[channel]) + scaling->offset;
    return (int8_t)(value < scaling->min ? scaling->min : value > scaling->max ? scaling->max : value);
}
