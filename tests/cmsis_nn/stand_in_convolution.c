/* Convolutions: what each kernel asks of its arguments, and one plain definition for all. */
#include "stand_in.h"

/* The arguments that all of these kernels have. */
typedef struct {
    const cmsis_nn_context *ctx;
    const cmsis_nn_conv_params *params;
    const cmsis_nn_per_channel_quant_params *quant;
    const cmsis_nn_dims *input_dims, *filter_dims, *bias_dims, *output_dims;
    const int8_t *input, *filter;
    const int32_t *bias;
    int8_t *output;
    /* The input is enlarged by these factors with zeros between stored elements; its dimensions count them. */
    int32_t up_h, up_w;
    int sweeps; /* from the first row of output to the last, all channels of a row together */
} Convolution;

static int64_t stored(const Convolution *call)
{
    return volume(call->input_dims) / ((int64_t)call->up_h * call->up_w);
}

/* Checks for every kernel; `bytes` of scratch are needed. */
static void check(const Convolution *call, int64_t bytes)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims, *y = call->output_dims;
    int32_t columns = w->h * w->w * w->c;
    positive(x);
    positive(w);
    positive(y);
    REQUIRE(x->n == y->n);
    REQUIRE(w->n == y->c);
    REQUIRE(w->c <= x->c && x->c % w->c == 0 && y->c % (x->c / w->c) == 0);
    REQUIRE(call->params->stride.w >= 1 && call->params->stride.h >= 1);
    REQUIRE(call->params->padding.w >= 0 && call->params->padding.h >= 0);
    REQUIRE(call->params->dilation.w >= 1 && call->params->dilation.h >= 1);
    check_offsets(call->params->input_offset, call->params->output_offset);
    check_activation(call->params->activation);
    check_scales(call->quant->multiplier, call->quant->shift, y->c);
    readable(call->input, stored(call));
    /* On MVE a row's last vector is loaded once more behind it. */
    readable(call->filter, volume(w) + (STAND_IN_CORE == CORE_MVE ? (columns - 1) % VECTOR + 1 : 0));
    if (call->bias != NULL) {
        REQUIRE(call->bias_dims != NULL && call->bias_dims->c == y->c);
        readable(call->bias, (int64_t)y->c * (int64_t)sizeof(int32_t));
    }
    if (call->sweeps) {
        beside_or_behind(call->input, x, call->output, y,
                         row_window(w->h, call->params->stride.h, call->params->padding.h, call->params->dilation.h),
                         1);
    } else {
        disjoint(call->input, stored(call), call->output, volume(y));
    }
    scratch(call->ctx, bytes, call->input, stored(call), call->output, volume(y));
}

static int64_t sum_at(const Convolution *call, int32_t n, int32_t row, int32_t column, int32_t channel)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims;
    const cmsis_nn_conv_params *p = call->params;
    int32_t group = channel / (w->n / (x->c / w->c));
    int32_t stored_h = x->h / call->up_h, stored_w = x->w / call->up_w;
    int64_t sum = call->bias == NULL ? 0 : call->bias[channel];
    int32_t i, j, k;
    for (i = 0; i < w->h; i++) {
        for (j = 0; j < w->w; j++) {
            int32_t r = row * p->stride.h - p->padding.h + i * p->dilation.h;
            int32_t c = column * p->stride.w - p->padding.w + j * p->dilation.w;
            if (r < 0 || r >= x->h || c < 0 || c >= x->w || r % call->up_h != 0 || c % call->up_w != 0) {
                continue; /* the zero point */
            }
            for (k = 0; k < w->c; k++) {
                int64_t from = (((int64_t)n * stored_h + r / call->up_h) * stored_w + c / call->up_w) * x->c;
                int64_t with = (((int64_t)channel * w->h + i) * w->w + j) * w->c + k;
                sum += (call->input[from + group * w->c + k] + p->input_offset) * call->filter[with];
            }
        }
    }
    return sum;
}

static arm_cmsis_nn_status compute(const Convolution *call)
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

/* Windows unfolded: two of 16 bits, on MVE four of 8 bits in whole vectors. */
static int64_t unfolded(const cmsis_nn_dims *input_dims, const cmsis_nn_dims *filter_dims)
{
    int32_t columns = filter_dims->h * filter_dims->w * input_dims->c;
    return 4 * (int64_t)round_up(columns, STAND_IN_CORE == CORE_MVE ? VECTOR : 4);
}

#define ARGUMENTS                                                                                                    \
    const cmsis_nn_context *ctx, const cmsis_nn_conv_params *conv_params,                                            \
        const cmsis_nn_per_channel_quant_params *quant_params, const cmsis_nn_dims *input_dims,                      \
        const int8_t *input_data, const cmsis_nn_dims *filter_dims, const int8_t *filter_data,                       \
        const cmsis_nn_dims *bias_dims, const int32_t *bias_data

static Convolution gathered(ARGUMENTS, const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    Convolution call;
    REQUIRE(ctx != NULL && conv_params != NULL && quant_params != NULL && output_data != NULL);
    call.ctx = ctx;
    call.params = conv_params;
    call.quant = quant_params;
    call.input_dims = input_dims;
    call.input = input_data;
    call.filter_dims = filter_dims;
    call.filter = filter_data;
    call.bias_dims = bias_dims;
    call.bias = bias_data;
    call.output_dims = output_dims;
    call.output = output_data;
    call.up_h = call.up_w = 1;
    call.sweeps = 0;
    return call;
}

#define GATHERED(kernel)                                                                                             \
    gathered((stand_in_enter(kernel), ctx), conv_params, quant_params, input_dims, input_data, filter_dims,          \
             filter_data, bias_dims, bias_data, output_dims, output_data)

arm_cmsis_nn_status arm_convolve_s8(ARGUMENTS, const cmsis_nn_dims *upscale_dims, const cmsis_nn_dims *output_dims,
                                    int8_t *output_data)
{
    Convolution call = GATHERED("arm_convolve_s8");
    if (upscale_dims != NULL) {
        REQUIRE(upscale_dims->h == 1 || upscale_dims->h == 2);
        REQUIRE(upscale_dims->w == 1 || upscale_dims->w == 2);
        call.up_h = upscale_dims->h;
        call.up_w = upscale_dims->w;
        REQUIRE(input_dims->h % call.up_h == 0 && input_dims->w % call.up_w == 0);
        REQUIRE(input_dims->c == filter_dims->c); /* it has no groups then */
    }
    REQUIRE(filter_dims->h * filter_dims->w * filter_dims->c < 65536); /* products counted in 16 bits */
    REQUIRE(input_dims->c == filter_dims->c || bias_data != NULL);     /* it goes on by a group from the pointer */
    call.sweeps = input_dims->c == filter_dims->c && upscale_dims == NULL;
    check(&call, unfolded(input_dims, filter_dims));
    return compute(&call);
}

static void check_pointwise(const Convolution *call)
{
    const cmsis_nn_dims *x = call->input_dims, *w = call->filter_dims, *y = call->output_dims;
    REQUIRE(w->h == 1 && w->w == 1 && w->c == x->c);
    REQUIRE(call->params->padding.w == 0 && call->params->padding.h == 0);
    /* It reads what it comes to, and looks at no border. */
    REQUIRE((y->h - 1) * call->params->stride.h < x->h);
    REQUIRE((y->w - 1) * call->params->stride.w < x->w);
    check(call, 0);
}

arm_cmsis_nn_status arm_convolve_1x1_s8_fast(ARGUMENTS, const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    Convolution call = GATHERED("arm_convolve_1x1_s8_fast");
    REQUIRE(conv_params->stride.w == 1 && conv_params->stride.h == 1);
    REQUIRE(output_dims->h == input_dims->h && output_dims->w == input_dims->w);
    check_pointwise(&call);
    return compute(&call);
}

arm_cmsis_nn_status arm_convolve_1x1_s8(ARGUMENTS, const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    Convolution call = GATHERED("arm_convolve_1x1_s8");
    call.sweeps = 1;
    check_pointwise(&call);
    return compute(&call);
}

/* The column of input at element `i` of the scratch, or -1 for padding, when it holds `padding` first or last. */
static int32_t column_in_scratch(int32_t i, int32_t first, int32_t before, int32_t columns, int32_t after)
{
    REQUIRE(i < before + columns + after);
    return i < before || i >= before + columns ? -1 : first + i - before;
}

/*
 * On MVE: columns of output at the borders read a scratch that is filled once, the others
 * the input itself.  Every column must come to read what its window holds.  Gives the scratch in bytes.
 */
static int64_t row_scratch(const Convolution *call)
{
    const cmsis_nn_dims *x = call->input_dims, *y = call->output_dims;
    int32_t kernel = call->filter_dims->w, pad = call->params->padding.w, stride = call->params->stride.w;
    int32_t total = (y->w - 1) * stride + kernel - x->w;
    int32_t odd = total % 2;
    int32_t left = round_up(pad, stride) / stride, right = round_up(pad + odd, stride) / stride;
    int32_t middle = y->w - left - right, after = odd != 0 ? right : pad;
    int32_t start = stride * (left + middle) - pad;
    int32_t column, j;
    REQUIRE(2 * pad + odd == total);
    if (middle < 0) {
        return unfolded(x, call->filter_dims); /* it leaves the work to arm_convolve_s8 */
    }
    REQUIRE(odd >= 0);
    /* A copied column lies in the input even if no column of output needs it. */
    REQUIRE(kernel <= x->w);
    REQUIRE(start >= 0 && start + kernel - 1 <= x->w);
    for (column = 0; column < y->w; column++) {
        for (j = 0; j < kernel; j++) {
            int32_t wanted = column * stride - pad + j, found;
            if (column < left) {
                found = column_in_scratch(column * stride + j, 0, pad, kernel, 0);
            } else if (column < left + middle) {
                found = wanted;
                REQUIRE(found >= 0 && found < x->w);
            } else {
                found = column_in_scratch((column - left - middle) * stride + j, start, 0, kernel - 1, after);
            }
            REQUIRE(found == (wanted < 0 || wanted >= x->w ? -1 : wanted));
        }
    }
    left = pad + kernel;
    right = kernel - 1 + after;
    return (int64_t)(left > right ? left : right) * x->c;
}

arm_cmsis_nn_status arm_convolve_1_x_n_s8(ARGUMENTS, const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    Convolution call = GATHERED("arm_convolve_1_x_n_s8");
    REQUIRE(input_dims->h == 1 && filter_dims->h == 1 && output_dims->h == 1);
    REQUIRE(filter_dims->c == input_dims->c);
    REQUIRE(conv_params->padding.h == 0 && conv_params->dilation.w == 1);
    REQUIRE(conv_params->stride.w * input_dims->c % 4 == 0);
    REQUIRE(ctx->buf != NULL); /* even where it needs no byte of it */
    REQUIRE(filter_dims->w * filter_dims->c < 65536);
    check(&call, STAND_IN_CORE == CORE_MVE ? row_scratch(&call) : unfolded(input_dims, filter_dims));
    return compute(&call);
}
