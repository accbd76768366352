/* Kernels that combine two values element by element; the output may lie where one of them does, or below. */
#include "stand_in.h"

static void check(const void *a, const void *b, void *output, int64_t bytes)
{
    REQUIRE(bytes >= 1);
    REQUIRE(output != NULL);
    readable(a, bytes);
    readable(b, bytes);
    beside_or_below(a, output, bytes);
    beside_or_below(b, output, bytes);
}

/* An operand of a sum or of a product, of int8 or of int16. */
typedef struct {
    const void *data;
    int32_t offset, multiplier, shift;
} Operand;

static Operand operand(const void *data, int32_t offset, int32_t multiplier, int32_t shift)
{
    Operand made;
    made.data = data;
    made.offset = offset;
    made.multiplier = multiplier;
    made.shift = shift;
    return made;
}

/* Arguments of all four kernels; offsets count on int8 only. */
typedef struct {
    Operand a, b, output;
    cmsis_nn_activation activation;
    int32_t size, bytes; /* elements, and bytes of one */
} Merge;

static Merge gathered(Operand a, Operand b, void *output, int32_t offset, int32_t multiplier, int32_t shift,
                      int32_t min, int32_t max, int32_t size, int32_t bytes)
{
    Merge call;
    call.a = a;
    call.b = b;
    call.output = operand(output, offset, multiplier, shift);
    call.activation.min = min;
    call.activation.max = max;
    call.size = size;
    call.bytes = bytes;
    check(a.data, b.data, output, (int64_t)size * bytes);
    check_scale(multiplier, shift);
    if (bytes == 1) {
        check_activation(call.activation);
        check_offsets(a.offset, offset);
        check_offsets(b.offset, offset);
    } else {
        check_activation16(call.activation);
        REQUIRE(a.offset == 0 && b.offset == 0 && offset == 0);
    }
    return call;
}

static int64_t operand_at(const Operand *of, int32_t i, int32_t bytes)
{
    return (int64_t)element(of->data, i, bytes) + of->offset;
}

static void finish(const Merge *call, void *output, int32_t i, int64_t value)
{
    int64_t result = requantise(value, call->output.multiplier, call->output.shift);
    store(output, i, call->bytes, limited(result + call->output.offset, call->activation));
}

static arm_cmsis_nn_status added(const Merge *call, int32_t left_shift, void *output)
{
    int64_t unit = (int64_t)1 << left_shift;
    int32_t i;
    check_scale(call->a.multiplier, call->a.shift);
    check_scale(call->b.multiplier, call->b.shift);
    for (i = 0; i < call->size; i++) {
        int64_t sum = requantise(operand_at(&call->a, i, call->bytes) * unit, call->a.multiplier, call->a.shift);
        sum += requantise(operand_at(&call->b, i, call->bytes) * unit, call->b.multiplier, call->b.shift);
        finish(call, output, i, sum);
    }
    return ARM_CMSIS_NN_SUCCESS;
}

static arm_cmsis_nn_status multiplied(const Merge *call, void *output)
{
    int32_t i;
    for (i = 0; i < call->size; i++) {
        finish(call, output, i, operand_at(&call->a, i, call->bytes) * operand_at(&call->b, i, call->bytes));
    }
    return ARM_CMSIS_NN_SUCCESS;
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
    Merge call;
    stand_in_enter("arm_elementwise_add_s8");
    call = gathered(operand(input_1_vect, input_1_offset, input_1_mult, input_1_shift),
                    operand(input_2_vect, input_2_offset, input_2_mult, input_2_shift), output, out_offset, out_mult,
                    out_shift, out_activation_min, out_activation_max, block_size, 1);
    REQUIRE(left_shift >= 16 && left_shift <= 22); /* the DSP form keeps 16 bits before the shift */
    return added(&call, left_shift, output);
}

arm_cmsis_nn_status arm_elementwise_add_s16(const int16_t *input_1_vect, const int16_t *input_2_vect,
                                            const int32_t input_1_offset, const int32_t input_1_mult,
                                            const int32_t input_1_shift, const int32_t input_2_offset,
                                            const int32_t input_2_mult, const int32_t input_2_shift,
                                            const int32_t left_shift, int16_t *output, const int32_t out_offset,
                                            const int32_t out_mult, const int32_t out_shift,
                                            const int32_t out_activation_min, const int32_t out_activation_max,
                                            const int32_t block_size)
{
    Merge call;
    stand_in_enter("arm_elementwise_add_s16");
    call = gathered(operand(input_1_vect, input_1_offset, input_1_mult, input_1_shift),
                    operand(input_2_vect, input_2_offset, input_2_mult, input_2_shift), output, out_offset, out_mult,
                    out_shift, out_activation_min, out_activation_max, block_size, 2);
    REQUIRE(left_shift >= 0 && left_shift <= 15);
    REQUIRE(input_1_shift <= 0 && input_2_shift <= 0 && out_shift <= 0); /* as the library expects */
    return added(&call, left_shift, output);
}

arm_cmsis_nn_status arm_elementwise_mul_s8(const int8_t *input_1_vect, const int8_t *input_2_vect,
                                           const int32_t input_1_offset, const int32_t input_2_offset, int8_t *output,
                                           const int32_t out_offset, const int32_t out_mult, const int32_t out_shift,
                                           const int32_t out_activation_min, const int32_t out_activation_max,
                                           const int32_t block_size)
{
    Merge call;
    stand_in_enter("arm_elementwise_mul_s8");
    call = gathered(operand(input_1_vect, input_1_offset, 0, 0), operand(input_2_vect, input_2_offset, 0, 0), output,
                    out_offset, out_mult, out_shift, out_activation_min, out_activation_max, block_size, 1);
    return multiplied(&call, output);
}

arm_cmsis_nn_status arm_elementwise_mul_s16(const int16_t *input_1_vect, const int16_t *input_2_vect,
                                            const int32_t input_1_offset, const int32_t input_2_offset, int16_t *output,
                                            const int32_t out_offset, const int32_t out_mult, const int32_t out_shift,
                                            const int32_t out_activation_min, const int32_t out_activation_max,
                                            const int32_t block_size)
{
    Merge call;
    stand_in_enter("arm_elementwise_mul_s16");
    call = gathered(operand(input_1_vect, input_1_offset, 0, 0), operand(input_2_vect, input_2_offset, 0, 0), output,
                    out_offset, out_mult, out_shift, out_activation_min, out_activation_max, block_size, 2);
    return multiplied(&call, output);
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
