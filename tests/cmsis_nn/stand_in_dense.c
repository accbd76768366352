/* Fully connected layers. */
#include "stand_in.h"

/* Row by row of the weights, whose sums with the bias MVE finds in the context. */
static arm_cmsis_nn_status dense(const cmsis_nn_context *ctx, const cmsis_nn_fc_params *params,
                                 const int32_t *multiplier, const int32_t *shift, int32_t scale_step,
                                 const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                 const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                 const cmsis_nn_dims *bias_dims, const int32_t *bias_data,
                                 const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    int32_t depth = filter_dims->n, rows = filter_dims->c, batch = input_dims->n, n, row, i;
    int64_t words = (int64_t)rows * (int64_t)sizeof(int32_t), size = (int64_t)batch * depth;
    Scaling scaling;
    REQUIRE(depth >= 1 && rows >= 1 && batch >= 1);
    REQUIRE(filter_dims->h == 1 && filter_dims->w == 1);
    REQUIRE(volume(input_dims) == depth || (volume(input_dims) == size && input_dims->n == batch));
    REQUIRE(output_dims->n == batch && volume(output_dims) == (int64_t)batch * rows && output_dims->c == rows);
    REQUIRE(params->filter_offset == 0); /* weights are symmetric */
    check_offsets(params->input_offset, params->output_offset);
    check_activation(params->activation);
    check_scales(multiplier, shift, scale_step == 0 ? 1 : rows);
    readable(input_data, size);
    readable(filter_data, (int64_t)rows * depth);
    disjoint(input_data, size, output_data, (int64_t)batch * rows);
    REQUIRE(STAND_IN_CORE == CORE_MVE || bias_data == NULL || (bias_dims != NULL && bias_dims->c == rows));
    if (STAND_IN_CORE == CORE_MVE) {
        REQUIRE(ctx->buf != NULL && (uintptr_t)ctx->buf % sizeof(int32_t) == 0 && ctx->size >= words);
        readable(ctx->buf, words);
    }
    scaling.offset = params->output_offset;
    scaling.min = params->activation.min;
    scaling.max = params->activation.max;
    for (n = 0; n < batch; n++) {
        for (row = 0; row < rows; row++) {
            int64_t sum = bias_data == NULL ? 0 : bias_data[row];
            if (STAND_IN_CORE == CORE_MVE) {
                sum = ((const int32_t *)ctx->buf)[row];
            }
            for (i = 0; i < depth; i++) {
                int32_t offset = STAND_IN_CORE == CORE_MVE ? 0 : params->input_offset;
                sum += (input_data[n * depth + i] + offset) * filter_data[row * depth + i];
            }
            scaling.multiplier = multiplier + row * scale_step;
            scaling.shift = shift + row * scale_step;
            *output_data++ = scaled(sum, &scaling, 0);
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_fully_connected_s8(const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
                                           const cmsis_nn_per_tensor_quant_params *quant_params,
                                           const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                           const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                           const cmsis_nn_dims *bias_dims, const int32_t *bias_data,
                                           const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    stand_in_enter("arm_fully_connected_s8");
    REQUIRE(ctx != NULL && fc_params != NULL && quant_params != NULL);
    return dense(ctx, fc_params, &quant_params->multiplier, &quant_params->shift, 0, input_dims, input_data,
                 filter_dims, filter_data, bias_dims, bias_data, output_dims, output_data);
}

arm_cmsis_nn_status arm_fully_connected_per_channel_s8(const cmsis_nn_context *ctx, const cmsis_nn_fc_params *fc_params,
                                                       const cmsis_nn_per_channel_quant_params *quant_params,
                                                       const cmsis_nn_dims *input_dims, const int8_t *input_data,
                                                       const cmsis_nn_dims *filter_dims, const int8_t *filter_data,
                                                       const cmsis_nn_dims *bias_dims, const int32_t *bias_data,
                                                       const cmsis_nn_dims *output_dims, int8_t *output_data)
{
    stand_in_enter("arm_fully_connected_per_channel_s8");
    REQUIRE(ctx != NULL && fc_params != NULL && quant_params != NULL);
    return dense(ctx, fc_params, quant_params->multiplier, quant_params->shift, 1, input_dims, input_data, filter_dims,
                 filter_data, bias_dims, bias_data, output_dims, output_data);
}
