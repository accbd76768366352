/* Transposed convolution. */
#include "stand_in.h"

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* A ring of rows of sums in 32 bits moves down the output; every row and column of it must come by. */
static int64_t ring(const cmsis_nn_transpose_conv_params *p, const cmsis_nn_dims *x, const cmsis_nn_dims *w,
                    const cmsis_nn_dims *y)
{
    int32_t width = (x->w - 1) * p->stride.w + larger(w->w, p->stride.w);
    int32_t rows = larger(0, x->h * p->stride.h - p->padding.h), i;
    for (i = 0; i < w->h - p->stride.h; i++) {
        int32_t row = x->h * p->stride.h + i - p->padding.h;
        rows += row >= 0 && row < y->h;
    }
    REQUIRE(rows == y->h);
    REQUIRE(p->padding.w + y->w <= width);
    return (int64_t)sizeof(int32_t) * larger(w->h, p->stride.h) * width * y->c;
}

static int64_t sum_at(const cmsis_nn_transpose_conv_params *p, const cmsis_nn_dims *x, const int8_t *input,
                      const cmsis_nn_dims *w, const int8_t *filter, int32_t row, int32_t column, int32_t channel)
{
    int64_t sum = 0;
    int32_t i, j, k;
    for (i = 0; i < w->h; i++) {
        for (j = 0; j < w->w; j++) {
            int32_t r = row + p->padding.h - i, c = column + p->padding.w - j;
            if (r < 0 || c < 0 || r % p->stride.h != 0 || c % p->stride.w != 0) {
                continue;
            }
            r /= p->stride.h;
            c /= p->stride.w;
            if (r < x->h && c < x->w) {
                for (k = 0; k < x->c; k++) {
                    int32_t value = input[((int64_t)r * x->w + c) * x->c + k] + p->input_offset;
                    sum += value * filter[(((int64_t)channel * w->h + i) * w->w + j) * w->c + k];
                }
            }
        }
    }
    return sum;
}

arm_cmsis_nn_status arm_transpose_conv_s8(const cmsis_nn_context *ctx, const cmsis_nn_context *output_ctx,
                                          const cmsis_nn_transpose_conv_params *transpose_conv_params,
                                          const cmsis_nn_per_channel_quant_params *quant_params,
                                          const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                          const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                          const cmsis_nn_dims *bias_dims, const int32_t *bias_data,
                                          const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    const cmsis_nn_transpose_conv_params *p = transpose_conv_params;
    const cmsis_nn_dims *x = input_dims, *w = filter_dims, *y = output_dims;
    Scaling scaling;
    int8_t *output = output_data;
    int32_t n, row, column, channel;
    stand_in_enter("arm_transpose_conv_s8");
    REQUIRE(ctx != NULL && output_ctx != NULL && p != NULL && quant_params != NULL && output != NULL);
    positive(x);
    positive(w);
    positive(y);
    REQUIRE(x->n == y->n && w->n == y->c && w->c == x->c);
    REQUIRE(p->stride.h >= 1 && p->stride.w >= 1);
    REQUIRE(p->padding.h >= 0 && p->padding.w >= 0);
    REQUIRE(p->padding.h % p->stride.h == 0); /* else release 7.0.0 puts rows in the wrong place */
    REQUIRE(p->dilation.h == 1 && p->dilation.w == 1);
    check_offsets(p->input_offset, p->output_offset);
    check_activation(p->activation);
    check_scales(quant_params->multiplier, quant_params->shift, y->c);
    readable(input_data, volume(x));
    readable(filter_data, volume(w));
    if (bias_data != NULL) {
        REQUIRE(bias_dims != NULL && bias_dims->c == y->c);
        readable(bias_data, (int64_t)y->c * (int64_t)sizeof(int32_t));
    }
    disjoint(input_data, volume(x), output, volume(y));
    scratch(ctx, ring(p, x, w, y), input_data, volume(x), output, volume(y));
    scaling.multiplier = quant_params->multiplier;
    scaling.shift = quant_params->shift;
    scaling.offset = p->output_offset;
    scaling.min = p->activation.min;
    scaling.max = p->activation.max;
    for (n = 0; n < y->n; n++) {
        for (row = 0; row < y->h; row++) {
            for (column = 0; column < y->w; column++) {
                for (channel = 0; channel < y->c; channel++) {
                    int64_t sum = sum_at(p, x, input_data, w, filter_data, row, column, channel);
                    sum += bias_data == NULL ? 0 : bias_data[channel];
                    *output++ = scaled(sum, &scaling, channel);
                }
            }
        }
        input_data += (int64_t)x->h * x->w * x->c;
    }
    return ARM_CMSIS_NN_SUCCESS;
}
