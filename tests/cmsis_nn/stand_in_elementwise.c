/* Kernels that combine two values element by element; the output may be one of them. */
#include "stand_in.h"

static void check(const int8_t *a, const int8_t *b, int8_t *output, int32_t size)
{
    REQUIRE(size >= 1);
    REQUIRE(output != NULL);
    readable(a, size);
    readable(b, size);
    if (output != a) {
        disjoint(a, size, output, size);
    }
    if (output != b) {
        disjoint(b, size, output, size);
    }
}

static int8_t clamped(int64_t value, cmsis_nn_activation activation)
{
    return (int8_t)(value < activation.min ? activation.min : value > activation.max ? activation.max : value);
}

static cmsis_nn_activation limits(int32_t min, int32_t max)
{
    cmsis_nn_activation activation;
    activation.min = min;
    activation.max = max;
    check_activation(activation);
    return activation;
}

arm_cmsis_nn_status arm_elementwise_add_s8(const int8_t *input_1_vect, const int8_t *input_2_vect,
                                           const int32_t input_1_offset, const int32_t input_1_mult,
                                           const int32_t input_1_shift, const int32_t input_2_offset,
                                           const int32_t input_2_mult, const int32_t input_2_shift,
                                           const int32_t left_shift, int8_t *output, const int32_t out_offset,
                                           const int32_t out_mult, const int32_t out_shift,
                                           const int32_t out_activation_min, const int32_t out_activation_max,
                                           const int32_t block_size)
{
    cmsis_nn_activation activation;
    int32_t i;
    stand_in_enter("arm_elementwise_add_s8");
    activation = limits(out_activation_min, out_activation_max);
    check(input_1_vect, input_2_vect, output, block_size);
    check_offsets(input_1_offset, out_offset);
    check_offsets(input_2_offset, out_offset);
    check_scale(input_1_mult, input_1_shift);
    check_scale(input_2_mult, input_2_shift);
    check_scale(out_mult, out_shift);
    REQUIRE(left_shift >= 16 && left_shift <= 22); /* the DSP form keeps 16 bits before the shift */
    for (i = 0; i < block_size; i++) {
        int64_t a = (int64_t)(input_1_vect[i] + input_1_offset) * ((int64_t)1 << left_shift);
        int64_t b = (int64_t)(input_2_vect[i] + input_2_offset) * ((int64_t)1 << left_shift);
        int64_t sum = (int64_t)requantise(a, input_1_mult, input_1_shift);
        sum += requantise(b, input_2_mult, input_2_shift);
        output[i] = clamped((int64_t)requantise(sum, out_mult, out_shift) + out_offset, activation);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_elementwise_mul_s8(const int8_t *input_1_vect, const int8_t *input_2_vect,
                                           const int32_t input_1_offset, const int32_t input_2_offset, int8_t *output,
                                           const int32_t out_offset, const int32_t out_mult, const int32_t out_shift,
                                           const int32_t out_activation_min, const int32_t out_activation_max,
                                           const int32_t block_size)
{
    cmsis_nn_activation activation;
    int32_t i;
    stand_in_enter("arm_elementwise_mul_s8");
    activation = limits(out_activation_min, out_activation_max);
    check(input_1_vect, input_2_vect, output, block_size);
    check_offsets(input_1_offset, out_offset);
    check_offsets(input_2_offset, out_offset);
    check_scale(out_mult, out_shift);
    for (i = 0; i < block_size; i++) {
        int64_t product = (int64_t)(input_1_vect[i] + input_1_offset) * (input_2_vect[i] + input_2_offset);
        output[i] = clamped((int64_t)requantise(product, out_mult, out_shift) + out_offset, activation);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

/* Values of one shape only: what is broadcast is not covered here. */
static arm_cmsis_nn_status extreme(int32_t sign, const cmsis_nn_context *ctx, const int8_t *a,
                                   const cmsis_nn_dims *a_dims, const int8_t *b, const cmsis_nn_dims *b_dims,
                                   int8_t *output, const cmsis_nn_dims *y)
{
    int32_t i;
    REQUIRE(ctx != NULL && a_dims != NULL && b_dims != NULL && y != NULL);
    REQUIRE(a_dims->n == y->n && a_dims->h == y->h && a_dims->w == y->w && a_dims->c == y->c);
    REQUIRE(b_dims->n == y->n && b_dims->h == y->h && b_dims->w == y->w && b_dims->c == y->c);
    check(a, b, output, as_int32(volume(y)));
    for (i = 0; i < volume(y); i++) {
        output[i] = sign * a[i] >= sign * b[i] ? a[i] : b[i];
    }
    return ARM_CMSIS_NN_SUCCESS;
}

arm_cmsis_nn_status arm_maximum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                   const cmsis_nn_dims *input_1_dims, const int8_t *input_2_data,
                                   const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                   const cmsis_nn_dims *output_dims)
{
    stand_in_enter("arm_maximum_s8");
    return extreme(1, ctx, input_1_data, input_1_dims, input_2_data, input_2_dims, output_data, output_dims);
}

arm_cmsis_nn_status arm_minimum_s8(const cmsis_nn_context *ctx, const int8_t *input_1_data,
                                   const cmsis_nn_dims *input_1_dims, const int8_t *input_2_data,
                                   const cmsis_nn_dims *input_2_dims, int8_t *output_data,
                                   const cmsis_nn_dims *output_dims)
{
    stand_in_enter("arm_minimum_s8");
    return extreme(-1, ctx, input_1_data, input_1_dims, input_2_data, input_2_dims, output_data, output_dims);
}
