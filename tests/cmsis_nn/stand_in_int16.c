/* Layers with weights on int16 values: sums with a bias of 64 bits are rounded once, others as those of int8. */
#include "stand_in.h"

#define FAST 512 /* products of a sum that are added in 32 bits before the others in 64 */

/* value * multiplier * 2 ** (shift - 31), the multiplier cut to 15 bits, to the nearest, halves upwards. */
static int32_t rounded_once(int64_t value, int32_t multiplier, int32_t shift)
{
    int64_t reduced = multiplier < 0x7fff0000 ? (multiplier + 0x8000) / 0x10000 : 0x7fff;
    int64_t unit = (int64_t)1 << (14 - shift), product = value * reduced;
    int32_t doubled;
    REQUIRE(shift <= 14);
    REQUIRE(value < (int64_t)1 << 47 && -value < (int64_t)1 << 47); /* so that the product has 63 bits */
    doubled = as_int32(product >= 0 ? product / unit : -((-product + unit - 1) / unit));
    REQUIRE(doubled < INT32_MAX);
    return doubled >= -1 ? (doubled + 1) / 2 : -((-doubled) / 2);
}

static int64_t bytes16(const cmsis_nn_dims *dims)
{
    return volume(dims) * (int64_t)sizeof(int16_t);
}

/* Memory for elements of 16 bits, as for any. */
static void check_operands(const cmsis_nn_dims *input_dims, const int16_t *input, const cmsis_nn_dims *output_dims,
                           const int16_t *output, RowWindow window)
{
    positive(input_dims);
    positive(output_dims);
    REQUIRE(input_dims->n == output_dims->n);
    readable(input, bytes16(input_dims));
    REQUIRE(output != NULL);
    beside_or_behind(input, input_dims, output, output_dims, window, 2);
}

arm_cmsis_nn_status arm_convolve_s16(const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,
                                     const cmsis_nn_per_channel_quant_params *quant_params,
                                     const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                     const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                     const cmsis_nn_dims *bias_dims, const cmsis_nn_bias_data *bias_data,
                                     const cmsis_nn_dims *output_dims, int16_t *output_data)
{
    const cmsis_nn_dims *x = input_dims, *w = filter_dims, *y = output_dims;
    const cmsis_nn_conv_params *p = conv_params;
    int32_t products, n, row, column, channel, i, j, k;
    int64_t bytes;
    int wide;
    stand_in_enter("arm_convolve_s16");
    REQUIRE(ctx != NULL && p != NULL && quant_params != NULL && bias_data != NULL);
    positive(w);
    check_operands(x, input_data, y, output_data, row_window(w->h, p->stride.h, p->padding.h, p->dilation.h));
    wide = !bias_data->is_int32_bias;
    products = w->h * w->w * w->c;
    bytes = STAND_IN_CORE == CORE_MVE ? 8 * (int64_t)round_up(products, 8) : 4 * (int64_t)products;
    REQUIRE(w->n == y->c);
    REQUIRE(w->c == x->c); /* it has no groups */
    REQUIRE(products < 65536);
    /* With the DSP extension the last of an odd number of filters would count some of its products twice. */
    REQUIRE(STAND_IN_CORE != CORE_DSP || !wide || y->c % 2 == 0 || products <= FAST || products % 4 == 0);
    REQUIRE(p->stride.w >= 1 && p->stride.h >= 1);
    REQUIRE(p->padding.w >= 0 && p->padding.h >= 0);
    REQUIRE(p->dilation.w >= 1 && p->dilation.h >= 1);
    REQUIRE(p->input_offset == 0 && p->output_offset == 0);
    check_activation16(p->activation);
    check_scales(quant_params->multiplier, quant_params->shift, y->c);
    /* On MVE a row's last vector of 8 weights is loaded once more behind it. */
    readable(filter_data, volume(w) + (STAND_IN_CORE == CORE_MVE ? 8 : 0));
    if (bias_data->data != NULL) {
        REQUIRE(bias_dims != NULL && bias_dims->c == y->c);
        readable(bias_data->data, (int64_t)y->c * (wide ? 8 : 4));
    }
    scratch(ctx, bytes, input_data, bytes16(x), output_data, bytes16(y));
    for (n = 0; n < y->n; n++) {
        for (row = 0; row < y->h; row++) {
            for (column = 0; column < y->w; column++) {
                for (channel = 0; channel < y->c; channel++) {
                    int32_t multiplier = quant_params->multiplier[channel], shift = quant_params->shift[channel];
                    int64_t sum = 0, bias = 0;
                    for (i = 0; i < w->h; i++) {
                        for (j = 0; j < w->w; j++) {
                            int32_t r = row * p->stride.h - p->padding.h + i * p->dilation.h;
                            int32_t c = column * p->stride.w - p->padding.w + j * p->dilation.w;
                            for (k = 0; k < w->c && r >= 0 && r < x->h && c >= 0 && c < x->w; k++) {
                                sum += input_data[(((int64_t)n * x->h + r) * x->w + c) * x->c + k] *
                                       filter_data[(((int64_t)channel * w->h + i) * w->w + j) * w->c + k];
                            }
                        }
                    }
                    sum = as_int32(sum);
                    if (bias_data->data != NULL) {
                        bias = wide ? ((const int64_t *)bias_data->data)[channel]
                                    : ((const int32_t *)bias_data->data)[channel];
                    }
                    *output_data++ = (int16_t)limited(wide ? rounded_once(sum + bias, multiplier, shift)
                                                           : requantise(sum + bias, multiplier, shift),
                                                      p->activation);
                }
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

typedef struct {
    const cmsis_nn_context *ctx;
    const cmsis_nn_dw_conv_params *params;
    const cmsis_nn_per_channel_quant_params *quant;
    const cmsis_nn_dims *input_dims, *filter_dims, *bias_dims, *output_dims;
    const int16_t *input;
    const int8_t *filter;
    const int64_t *bias;
    int16_t *output;
} Depthwise;

static int64_t depthwise_sum(const Depthwise *call, int32_t row, int32_t column, int32_t channel)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims;
    const cmsis_nn_dw_conv_params *p = call->params;
    int64_t sum = 0;
    int32_t i, j;
    for (i = 0; i < w->h; i++) {
        for (j = 0; j < w->w; j++) {
            int32_t r = row * p->stride.h - p->padding.h + i * p->dilation.h;
            int32_t c = column * p->stride.w - p->padding.w + j * p->dilation.w;
            if (r >= 0 && r < x->h && c >= 0 && c < x->w) {
                sum += call->input[((int64_t)r * x->w + c) * x->c + channel / p->ch_mult] *
                       call->filter[((int64_t)i * w->w + j) * w->c + channel];
            }
        }
    }
    return as_int32(sum) + (call->bias == NULL ? 0 : call->bias[channel]);
}

/* On MVE the fast kernel takes four channels at a time, of which the last are not stored. */
static arm_cmsis_nn_status depthwise(const Depthwise *call, int64_t bytes, int32_t at_once)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims, *y = call->output_dims;
    const cmsis_nn_dw_conv_params *p = call->params;
    int32_t channels = round_up(y->c, at_once), row, column, channel;
    int16_t *output = call->output;
    positive(w);
    check_operands(x, call->input, y, output, row_window(w->h, p->stride.h, p->padding.h, p->dilation.h));
    REQUIRE(x->n == 1 && w->n == 1 && w->c == y->c && x->c * p->ch_mult == y->c);
    REQUIRE(p->stride.w >= 1 && p->stride.h >= 1);
    REQUIRE(p->padding.w >= 0 && p->padding.h >= 0);
    REQUIRE(p->dilation.w >= 1 && p->dilation.h >= 1);
    REQUIRE(p->input_offset == 0 && p->output_offset == 0);
    check_activation16(p->activation);
    check_scales(call->quant->multiplier, call->quant->shift, y->c);
    readable(call->quant->multiplier, (int64_t)channels * (int64_t)sizeof(int32_t));
    readable(call->quant->shift, (int64_t)channels * (int64_t)sizeof(int32_t));
    readable(call->filter, volume(w) + channels - y->c);
    if (call->bias != NULL) {
        REQUIRE(call->bias_dims != NULL && call->bias_dims->c == y->c);
        readable(call->bias, (int64_t)channels * (int64_t)sizeof(int64_t));
    }
    scratch(call->ctx, bytes, call->input, bytes16(x), call->output, bytes16(y));
    for (row = 0; row < y->h; row++) {
        for (column = 0; column < y->w; column++) {
            for (channel = 0; channel < y->c; channel++) {
                int64_t sum = depthwise_sum(call, row, column, channel);
                *output++ = (int16_t)limited(
                    rounded_once(sum, call->quant->multiplier[channel], call->quant->shift[channel]), p->activation);
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

#define GATHERED                                                                                                     \
    call.ctx = ctx;                                                                                                  \
    call.params = dw_conv_params;                                                                                    \
    call.quant = quant_params;                                                                                       \
    call.input_dims = input_dims;                                                                                    \
    call.input = input_data;                                                                                         \
    call.filter_dims = filter_dims;                                                                                  \
    call.filter = filter_data;                                                                                       \
    call.bias_dims = bias_dims;                                                                                      \
    call.bias = bias_data;                                                                                           \
    call.output_dims = output_dims;                                                                                  \
    call.output = output_data;                                                                                       \
    REQUIRE(ctx != NULL && dw_conv_params != NULL && quant_params != NULL)

arm_cmsis_nn_status arm_depthwise_conv_fast_s16(const cmsis_nn_context *ctx,
                                                const cmsis_nn_dw_conv_params *dw_conv_params,
                                                const cmsis_nn_per_channel_quant_params *quant_params,
                                                const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                                const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                                const cmsis_nn_dims *bias_dims, const int64_t *bias_data,
                                                const cmsis_nn_dims *output_dims, int16_t *output_data)
{
    const cmsis_nn_dims *x = input_dims, *w = filter_dims, *y = output_dims;
    const cmsis_nn_dw_conv_params *p = dw_conv_params;
    int64_t window = (int64_t)x->c * w->h * w->w * (int64_t)sizeof(int16_t);
    Depthwise call;
    stand_in_enter("arm_depthwise_conv_fast_s16");
    GATHERED;
    REQUIRE(p->ch_mult == 1);
    REQUIRE(p->dilation.h == 1 && p->dilation.w == 1);
    REQUIRE(w->h * w->w < FAST);
    /* Rows above or below the image are unfolded as a whole, as many as a window lacks. */
    REQUIRE(STAND_IN_CORE != CORE_DSP || p->padding.h <= w->h);
    REQUIRE(STAND_IN_CORE != CORE_DSP || (y->h - 1) * p->stride.h - p->padding.h <= x->h);
    return depthwise(&call, STAND_IN_CORE == CORE_MVE ? 4 * window + 8 : STAND_IN_CORE == CORE_DSP ? window : 0,
                     STAND_IN_CORE == CORE_MVE ? 4 : 1);
}

arm_cmsis_nn_status arm_depthwise_conv_s16(const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,
                                           const cmsis_nn_per_channel_quant_params *quant_params,
                                           const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                           const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                           const cmsis_nn_dims *bias_dims, const int64_t *bias_data,
                                           const cmsis_nn_dims *output_dims, int16_t *output_data)
{
    Depthwise call;
    stand_in_enter("arm_depthwise_conv_s16");
    GATHERED;
    return depthwise(&call, 0, 1);
}

arm_cmsis_nn_status arm_fully_connected_s16(const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
                                            const cmsis_nn_per_tensor_quant_params *quant_params,
                                            const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                            const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                            const cmsis_nn_dims *bias_dims, const int64_t *bias_data,
                                            const cmsis_nn_dims *output_dims, int16_t *output_data)
{
    int32_t depth = filter_dims->n, rows = filter_dims->c, batch = input_dims->n, n, row, i;
    stand_in_enter("arm_fully_connected_s16");
    REQUIRE(ctx != NULL && fc_params != NULL && quant_params != NULL);
    /* Every row of output needs all of the input. */
    check_operands(input_dims, input_data, output_dims, output_data, row_window(input_dims->h, 0, 0, 1));
    REQUIRE(depth >= 1 && rows >= 1 && filter_dims->h == 1 && filter_dims->w == 1);
    REQUIRE(volume(input_dims) == (int64_t)batch * depth);
    REQUIRE(volume(output_dims) == (int64_t)batch * rows && output_dims->c == rows);
    REQUIRE(fc_params->filter_offset == 0);
    REQUIRE(fc_params->input_offset == 0 && fc_params->output_offset == 0);
    check_activation16(fc_params->activation);
    check_scale(quant_params->multiplier, quant_params->shift);
    readable(filter_data, (int64_t)rows * depth);
    if (bias_data != NULL) {
        REQUIRE(bias_dims != NULL && bias_dims->c == rows);
        readable(bias_data, (int64_t)rows * (int64_t)sizeof(int64_t));
    }
    for (n = 0; n < batch; n++) {
        for (row = 0; row < rows; row++) {
            int64_t sum = 0;
            for (i = 0; i < depth; i++) {
                sum += input_data[n * depth + i] * filter_data[row * depth + i];
            }
            sum = as_int32(sum) + (bias_data == NULL ? 0 : bias_data[row]);
            *output_data++ = (int16_t)limited(rounded_once(sum, quant_params->multiplier, quant_params->shift),
                                              fc_params->activation);
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}
