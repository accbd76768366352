/* Depthwise convolutions. */
#include "stand_in.h"

typedef struct {
    const cmsis_nn_context *ctx;
    const cmsis_nn_dw_conv_params *params;
    const cmsis_nn_per_channel_quant_params *quant;
    const cmsis_nn_dims *input_dims, *filter_dims, *bias_dims, *output_dims;
    const int8_t *input, *filter;
    const int32_t *bias;
    int8_t *output;
} Depthwise;

/* `step` channels are taken at a time, the last ones whether they are there or not. */
static void check(const Depthwise *call, int64_t bytes, int32_t step)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims, *y = call->output_dims;
    int32_t channels;
    int64_t words;
    positive(x);
    positive(w);
    positive(y);
    REQUIRE(x->n == y->n);
    REQUIRE(w->n == 1 && w->c == y->c);
    REQUIRE(call->params->ch_mult >= 1 && x->c * call->params->ch_mult == y->c);
    REQUIRE(call->params->stride.w >= 1 && call->params->stride.h >= 1);
    REQUIRE(call->params->padding.w >= 0 && call->params->padding.h >= 0);
    REQUIRE(call->params->dilation.w >= 1 && call->params->dilation.h >= 1);
    check_offsets(call->params->input_offset, call->params->output_offset);
    check_activation(call->params->activation);
    check_scales(call->quant->multiplier, call->quant->shift, y->c);
    channels = round_up(y->c, step);
    words = (int64_t)channels * (int64_t)sizeof(int32_t);
    readable(call->input, volume(x));
    readable(call->filter, volume(w) + channels - y->c);
    readable(call->quant->multiplier, words);
    readable(call->quant->shift, words);
    if (call->bias != NULL) {
        REQUIRE(call->bias_dims != NULL && call->bias_dims->c == y->c);
        readable(call->bias, words);
    }
    if (STAND_IN_CORE == CORE_MVE && x->c > BLOCK) {
        disjoint(call->input, volume(x), call->output, volume(y)); /* it comes by for every block of channels */
    } else {
        beside_or_behind(call->input, x, call->output, y,
                         row_window(w->h, call->params->stride.h, call->params->padding.h, call->params->dilation.h),
                         1);
    }
    scratch(call->ctx, bytes, call->input, volume(x), call->output, volume(y));
}

static int64_t sum_at(const Depthwise *call, int32_t n, int32_t row, int32_t column, int32_t channel)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims;
    const cmsis_nn_dw_conv_params *p = call->params;
    int64_t sum = call->bias == NULL ? 0 : call->bias[channel];
    int32_t i, j;
    for (i = 0; i < w->h; i++) {
        for (j = 0; j < w->w; j++) {
            int32_t r = row * p->stride.h - p->padding.h + i * p->dilation.h;
            int32_t c = column * p->stride.w - p->padding.w + j * p->dilation.w;
            if (r >= 0 && r < x->h && c >= 0 && c < x->w) {
                int64_t from = (((int64_t)n * x->h + r) * x->w + c) * x->c + channel / p->ch_mult;
                sum += (call->input[from] + p->input_offset) * call->filter[((int64_t)i * w->w + j) * w->c + channel];
            }
        }
    }
    return sum;
}

static arm_cmsis_nn_status compute(const Depthwise *call)
{
    const cmsis_nn_dims *y = call->output_dims;
    Scaling scaling;
    int8_t *output = call->output;
    int32_t n, row, column, channel;
    scaling.multiplier = call->quant->multiplier;
    scaling.shift = call->quant->shift;
    scaling.offset = call->params->output_offset;
    scaling.min = call->params->activation.min;
    scaling.max = call->params->activation.max;
    for (n = 0; n < y->n; n++) {
        for (row = 0; row < y->h; row++) {
            for (column = 0; column < y->w; column++) {
                for (channel = 0; channel < y->c; channel++) {
                    *output++ = scaled(sum_at(call, n, row, column, channel), &scaling, channel);
                }
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

#define ARGUMENTS                                                                                                    \
    const cmsis_nn_context *ctx, const cmsis_nn_dw_conv_params *dw_conv_params,                                      \
        const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,                      \
        const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,                       \
        const cmsis_nn_dims *bias_dims, const int32_t *bias_data, const cmsis_nn_dims *output_dims,                  \
        int8_t *output_data

static Depthwise gathered(ARGUMENTS)
{
    Depthwise call;
    REQUIRE(ctx != NULL && dw_conv_params != NULL && quant_params != NULL && output_data != NULL);
    call.ctx = ctx;
    call.params = dw_conv_params;
    call.quant = quant_params;
    call.input_dims = input_dims;
    call.input = input_data;
    call.filter_dims = filter_dims;
    call.filter = filter_data;
    call.bias_dims = bias_dims;
    call.bias = bias_data;
    call.output_dims = output_dims;
    call.output = output_data;
    return call;
}

#define GATHERED(kernel)                                                                                             \
    gathered((stand_in_enter(kernel), ctx), dw_conv_params, quant_params, input_dims, input_data, filter_dims,       \
             filter_data, bias_dims, bias_data, output_dims, output_data)

static int is_plain(const Depthwise *call)
{
    return call->params->ch_mult == 1 && call->input_dims->n == 1 && call->params->dilation.w == 1 &&
           call->params->dilation.h == 1;
}

static arm_cmsis_nn_status general(const Depthwise *call)
{
    const cmsis_nn_dw_conv_params *p = call->params;
    /* The form for multiples of four goes on from the pointer. */
    REQUIRE(p->ch_mult % 4 != 0 || call->bias != NULL);
    check(call, 0, 1);
    return compute(call);
}

static arm_cmsis_nn_status three_by_three(const Depthwise *call)
{
    const cmsis_nn_dims *x = call->input_dims, *y = call->output_dims;
    const cmsis_nn_dw_conv_params *p = call->params;
    REQUIRE(is_plain(call));
    REQUIRE(call->filter_dims->h == 3 && call->filter_dims->w == 3);
    REQUIRE(p->padding.h <= 1 && p->padding.w <= 1);
    /* It multiplies every window's middle column without a look at the border. */
    REQUIRE((y->w - 1) * p->stride.w - p->padding.w + 1 < x->w);
    check(call, 0, 1);
    return compute(call);
}

static arm_cmsis_nn_status optimised(const Depthwise *call)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims, *y = call->output_dims;
    const cmsis_nn_dw_conv_params *p = call->params;
    int64_t taps = (int64_t)w->h * w->w;
    REQUIRE(is_plain(call));
    if (STAND_IN_CORE == CORE_PLAIN) {
        return general(call);
    }
    if (STAND_IN_CORE == CORE_MVE) {
        REQUIRE(y->c <= BLOCK || call->bias != NULL); /* it goes on by a block from the pointer */
        check(call, 4 * BLOCK * taps, 4);
        return compute(call);
    }
    /* It clears a window's rows outside of the image, more than the window has if all of them are. */
    REQUIRE(p->padding.h <= w->h);
    REQUIRE((y->h - 1) * p->stride.h - p->padding.h <= x->h);
    check(call, 2 * taps * x->c, 1);
    return compute(call);
}

arm_cmsis_nn_status arm_depthwise_conv_s8(ARGUMENTS)
{
    Depthwise call = GATHERED("arm_depthwise_conv_s8");
    return general(&call);
}

arm_cmsis_nn_status arm_depthwise_conv_3x3_s8(ARGUMENTS)
{
    Depthwise call = GATHERED("arm_depthwise_conv_3x3_s8");
    return three_by_three(&call);
}

arm_cmsis_nn_status arm_depthwise_conv_s8_opt(ARGUMENTS)
{
    Depthwise call = GATHERED("arm_depthwise_conv_s8_opt");
    return optimised(&call);
}

arm_cmsis_nn_status arm_depthwise_conv_wrapper_s8(ARGUMENTS)
{
    Depthwise call = GATHERED("arm_depthwise_conv_wrapper_s8");
    const cmsis_nn_tile padding = dw_conv_params->padding;
    if (!is_plain(&call)) {
        return general(&call);
    }
    if (STAND_IN_CORE != CORE_MVE && filter_dims->w == 3 && filter_dims->h == 3 && padding.h <= 1 && padding.w <= 1) {
        return three_by_three(&call);
    }
    /* On MVE it makes a convolution of one input channel, with scratch of its own for the weights. */
    REQUIRE(STAND_IN_CORE != CORE_MVE || input_dims->c > 1 || output_dims->c == 1);
    return optimised(&call);
}
