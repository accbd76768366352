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

static void check(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *params, const cmsis_nn_dims *x,
                  const int8_t *input, const cmsis_nn_dims *pool, const cmsis_nn_dims *y, int8_t *output, int64_t bytes)
{
    REQUIRE(params != NULL && pool != NULL && output != NULL);
    positive(x);
    positive(y);
    REQUIRE(pool->h >= 1 && pool->w >= 1);
    REQUIRE(x->n == y->n && x->c == y->c);
    REQUIRE(params->stride.h >= 1 && params->stride.w >= 1);
    REQUIRE(params->padding.h >= 0 && params->padding.w >= 0);
    check_activation(params->activation);
    readable(input, volume(x));
    disjoint(input, volume(x), output, volume(y));
    scratch(ctx, bytes, input, volume(x), output, volume(y));
}

static int32_t average(const int8_t *input, const cmsis_nn_dims *x, Window window, int32_t channel)
{
    int32_t sum = 0, count = 0, r, c;
    for (r = window.first_row; r < window.last_row; r++) {
        for (c = window.first_column; c < window.last_column; c++) {
            sum += input[(r * x->w + c) * x->c + channel];
            count++;
        }
    }
    return sum > 0 ? (sum + count / 2) / count : (sum - count / 2) / count;
}

static int32_t largest(const int8_t *input, const cmsis_nn_dims *x, Window window, int32_t channel)
{
    int32_t most = -128, r, c;
    for (r = window.first_row; r < window.last_row; r++) {
        for (c = window.first_column; c < window.last_column; c++) {
            int32_t value = input[(r * x->w + c) * x->c + channel];
            most = value > most ? value : most;
        }
    }
    return most;
}

static arm_cmsis_nn_status pooled(int32_t (*reduced)(const int8_t *, const cmsis_nn_dims *, Window, int32_t),
                                  const cmsis_nn_pool_params *params, const cmsis_nn_dims *x, const int8_t *input,
                                  const cmsis_nn_dims *pool, const cmsis_nn_dims *y, int8_t *output)
{
    int32_t n, row, column, channel;
    for (n = 0; n < y->n; n++) {
        for (row = 0; row < y->h; row++) {
            for (column = 0; column < y->w; column++) {
                Window window = window_at(params, x, pool, row, column);
                for (channel = 0; channel < y->c; channel++) {
                    int32_t value = reduced(input, x, window, channel);
                    value = value < params->activation.min ? params->activation.min : value;
                    *output++ = (int8_t)(value > params->activation.max ? params->activation.max : value);
                }
            }
        }
        input += (int64_t)x->h * x->w * x->c;
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_avgpool_s8(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                   const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                   const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                   int8_t *output_data)
{
    stand_in_enter("arm_avgpool_s8");
    check(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data,
          STAND_IN_CORE == CORE_DSP ? (int64_t)sizeof(int32_t) * input_dims->c : 0);
    return pooled(average, pool_params, input_dims, input_data, filter_dims, output_dims, output_data);
}

arm_cmsis_nn_status arm_max_pool_s8(const cmsis_nn_context *ctx, const cmsis_nn_pool_params *pool_params,
                                    const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                    const cmsis_nn_dims *filter_dims, const cmsis_nn_dims *output_dims,
                                    int8_t *output_data)
{
    stand_in_enter("arm_max_pool_s8");
    check(ctx, pool_params, input_dims, input_data, filter_dims, output_dims, output_data, 0);
    return pooled(largest, pool_params, input_dims, input_data, filter_dims, output_dims, output_data);
}
