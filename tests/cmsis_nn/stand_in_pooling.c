/* Pooling. */
#include "stand_in.h"

typedef struct {
    int32_t first_row, last_row, first_column, last_column;
} Window;

/* The part of an output element's window that lies in the image; the last ones are beyond it. */
static Window window_at(const cmsis_nn_pool_params *params, const cmsis_nn_dims *x, const cmsis_nn_dims *pool,
                        int32_t row, int32_t column)
{
    Window window;
    window.first_row = row * params->stride.h - params->padding.h;
    window.last_row = window.first_row + pool->h;
    window.first_column = column * params->stride.w - params->padding.w;
    window.last_column = window.first_column + pool->w;
    window.first_row = window.first_row < 0 ? 0 : window.first_row;
    window.first_column = window.first_column < 0 ? 0 : window.first_column;
    window.last_row = window.last_row > x->h ? x->h : window.last_row;
    window.last_column = window.last_column > x->w ? x->w : window.last_column;
    REQUIRE(window.first_row < window.last_row && window.first_column < window.last_column);
    return window;
}

typedef struct {
    const cmsis_nn_context *ctx;
    const cmsis_nn_pool_params *params;
    const cmsis_nn_dims *x, *pool, *y;
    const void *input;
    void *output;
    int32_t bytes; /* of an element */
} Pooling;

static void check(const Pooling *call, int64_t scratch_bytes)
{
    const cmsis_nn_pool_params *params = call->params;
    const cmsis_nn_dims *x = call->x, *pool = call->pool, *y = call->y;
    int64_t input_bytes, output_bytes;
    REQUIRE(params != NULL && pool != NULL && call->output != NULL);
    positive(x);
    positive(y);
    REQUIRE(pool->h >= 1 && pool->w >= 1);
    REQUIRE(x->n == y->n && x->c == y->c);
    REQUIRE(params->stride.h >= 1 && params->stride.w >= 1);
    REQUIRE(params->padding.h >= 0 && params->padding.w >= 0);
    if (call->bytes == 1) {
        check_activation(params->activation);
    } else {
        check_activation16(params->activation);
    }
    input_bytes = volume(x) * call->bytes;
    output_bytes = volume(y) * call->bytes;
    readable(call->input, input_bytes);
    beside_or_behind(call->input, x, call->output, y,
                     row_window(pool->h, params->stride.h, params->padding.h, 1), call->bytes);
    scratch(call->ctx, scratch_bytes, call->input, input_bytes, call->output, output_bytes);
}

/* An element of the input. */
static int32_t at(const Pooling *call, int32_t n, int32_t row, int32_t column, int32_t channel)
{
    const cmsis_nn_dims *x = call->x;
    return element(call->input, (((int64_t)n * x->h + row) * x->w + column) * x->c + channel, call->bytes);
}

static int32_t average(const Pooling *call, int32_t n, Window window, int32_t channel)
{
    int64_t sum = 0;
    int32_t count = 0, r, c;
    for (r = window.first_row; r < window.last_row; r++) {
        for (c = window.first_column; c < window.last_column; c++) {
            sum += at(call, n, r, c, channel);
            count++;
        }
    }
    return (as_int32(sum) > 0 ? as_int32(sum + count / 2) : as_int32(sum - count / 2)) / count;
}

static int32_t largest(const Pooling *call, int32_t n, Window window, int32_t channel)
{
    int32_t most = -32768, r, c;
    for (r = window.first_row; r < window.last_row; r++) {
        for (c = window.first_column; c < window.last_column; c++) {
            int32_t value = at(call, n, r, c, channel);
            most = value > most ? value : most;
        }
    }
    return most;
}

static arm_cmsis_nn_status pooled(const Pooling *call, int64_t scratch_bytes,
                                  int32_t (*reduced)(const Pooling *, int32_t, Window, int32_t))
{
    const cmsis_nn_dims *y = call->y;
    int64_t place = 0;
    int32_t n, row, column, channel;
    check(call, scratch_bytes);
    for (n = 0; n < y->n; n++) {
        for (row = 0; row < y->h; row++) {
            for (column = 0; column < y->w; column++) {
                Window window = window_at(call->params, call->x, call->pool, row, column);
                for (channel = 0; channel < y->c; channel++) {
                    store(call->output, place++, call->bytes,
                          limited(reduced(call, n, window, channel), call->params->activation));
                }
            }
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

static Pooling gathered(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *params, const cmsis_nn_dims *x,
                        const void *input, const cmsis_nn_dims *pool, const cmsis_nn_dims *y, void *output,
                        int32_t bytes)
{
    Pooling call;
    call.ctx = ctx;
    call.params = params;
    call.x = x;
    call.pool = pool;
    call.y = y;
    call.input = input;
    call.output = output;
    call.bytes = bytes;
    return call;
}

/* Sums of all channels. */
static int64_t sums(const cmsis_nn_dims *x)
{
    return STAND_IN_CORE == CORE_DSP ? (int64_t)sizeof(int32_t) * x->c : 0;
}

arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                   const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                   const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                   int8_t *output_data)
{
    Pooling call =
        gathered(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 1);
    stand_in_enter("arm_avgpool_s8");
    return pooled(&call, sums(input_dims), average);
}

arm_cmsis_nn_status arm_avgpool_s16(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                    const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                    int16_t *output_data)
{
    Pooling call =
        gathered(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 2);
    stand_in_enter("arm_avgpool_s16");
    return pooled(&call, sums(input_dims), average);
}

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                    const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                    int8_t *output_data)
{
    Pooling call =
        gathered(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 1);
    stand_in_enter("arm_max_pool_s8");
    return pooled(&call, 0, largest);
}

arm_cmsis_nn_status arm_max_pool_s16(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                     const cmsis_nn_dims *input_dims, const int16_t *input_data,
                                     const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                     int16_t *output_data)
{
    Pooling call =
        gathered(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 2);
    stand_in_enter("arm_max_pool_s16");
    return pooled(&call, 0, largest);
}
