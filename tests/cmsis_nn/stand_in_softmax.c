/* Softmax: on int8 as gemmlowp computes it, in fixed point with five integer bits; on int16 by tables. */
#include "stand_in.h"

/* e to the power of -1/4, -1/2, -1, ... -16, as fractions of 2^31. */
static const int32_t powers[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};

#define FRACTION_BITS 26
#define EIGHTH (1 << 28)
#define EXP_OF_MINUS_EIGHTH 1895147668
#define THIRD 715827883
#define SUM_BITS 12

/* Of x in [-1/4, 0), both fractions of 2^31: the Taylor series about -1/8. */
static int32_t exp_of_small(int32_t value)
{
    int32_t x = value + EIGHTH;
    int32_t x2 = high_product(x, x), x3 = high_product(x2, x), x4 = high_product(x2, x2);
    int32_t rest = rounded_shift(high_product(rounded_shift(x4, 2) + x3, THIRD) + x2, 1);
    return EXP_OF_MINUS_EIGHTH + high_product(EXP_OF_MINUS_EIGHTH, x + rest);
}

/* Of a negative number with FRACTION_BITS. */
static int32_t exp_of_negative(int32_t value)
{
    int32_t quarter = 1 << (FRACTION_BITS - 2);
    int32_t small = (value & (quarter - 1)) - quarter;
    int32_t whole = small - value;
    int32_t result = exp_of_small(small * 32);
    int32_t bit;
    if (value == 0) {
        return INT32_MAX;
    }
    for (bit = 0; bit < 7; bit++) {
        if (whole & (quarter << bit)) {
            result = high_product(result, powers[bit]);
        }
    }
    return result;
}

/* 1 / (1 + x) for x in [0, 1), fractions of 2^31, by three steps of Newton's method with two integer bits. */
static int32_t one_over_one_plus(int32_t x)
{
    int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) / 2);
    int32_t y = 1515870810 + high_product(half, -1010580540);
    int32_t step;
    for (step = 0; step < 3; step++) {
        int32_t rest = (1 << 29) - high_product(half, y);
        y = as_int32(y + (int64_t)high_product(y, rest) * 4);
    }
    return y > INT32_MAX / 2 ? INT32_MAX : y * 2;
}

void arm_softmax_s8(const int8_t *input, const int32_t num_rows, const int32_t row_size, const int32_t mult,
                    const int32_t shift, const int32_t diff_min, int8_t *output)
{
    int32_t row, i;
    stand_in_enter("arm_softmax_s8");
    REQUIRE(num_rows >= 1 && row_size >= 1 && output != NULL);
    REQUIRE(mult >= 1 << 30);
    REQUIRE(shift >= 0 && shift <= 30 && diff_min <= 0);
    readable(input, (int64_t)num_rows * row_size);
    beside_or_below(input, output, (int64_t)num_rows * row_size);
    for (row = 0; row < num_rows; row++, input += row_size, output += row_size) {
        int32_t most = -128, lead = 0, scale;
        int64_t sum = 0;
        for (i = 0; i < row_size; i++) {
            most = input[i] > most ? input[i] : most;
        }
        for (i = 0; i < row_size; i++) {
            int32_t below = input[i] - most;
            if (below >= diff_min) {
                int32_t value = high_product(as_int32(below * ((int64_t)1 << shift)), mult);
                sum += rounded_shift(exp_of_negative(value), SUM_BITS);
            }
        }
        REQUIRE(as_int32(sum) > 0);
        while (((sum << lead) & ((int64_t)1 << 31)) == 0) {
            lead++;
        }
        scale = one_over_one_plus((int32_t)((sum << lead) - ((int64_t)1 << 31)));
        for (i = 0; i < row_size; i++) {
            int32_t below = input[i] - most, value = -128;
            if (below >= diff_min) {
                int32_t power = exp_of_negative(high_product(below * (1 << shift), mult));
                value += rounded_shift(high_product(scale, power), SUM_BITS - lead + 31 - 8);
            }
            output[i] = (int8_t)(value > 127 ? 127 : value);
        }
    }
}

/* The value at x of a table for every 128th int16 from -32768 on. */
static int32_t interpolated(const int16_t *table, int32_t x)
{
    int32_t place = x + 32768, base = table[place / 128], next = table[place / 128 + 1];
    int64_t rounded = (int64_t)(next - base) * (place % 128) + 64;
    return base + (int32_t)(rounded >= 0 ? rounded / 128 : -((127 - rounded) / 128));
}

arm_cmsis_nn_status arm_softmax_s16(const int16_t *input, const int32_t num_rows, const int32_t row_size,
                                    const int32_t mult, const int32_t shift,
                                    const cmsis_nn_softmax_lut_s16 *softmax_params, int16_t *output)
{
    int64_t bytes = (int64_t)num_rows * row_size * (int64_t)sizeof(int16_t);
    int32_t row, i;
    stand_in_enter("arm_softmax_s16");
    REQUIRE(num_rows >= 1 && row_size >= 1 && output != NULL && softmax_params != NULL);
    check_scale(mult, shift);
    readable(softmax_params->exp_lut, 513 * sizeof(int16_t));
    readable(softmax_params->one_by_one_lut, 513 * sizeof(int16_t));
    readable(input, bytes);
    beside_or_below(input, output, bytes);
    for (row = 0; row < num_rows; row++, input += row_size, output += row_size) {
        int32_t most = input[0], lead = 0, mantissa, inverse;
        int64_t sum = 0;
        for (i = 1; i < row_size; i++) {
            most = input[i] > most ? input[i] : most;
        }
        for (i = 0; i < row_size; i++) {
            int64_t place = (int64_t)requantise(input[i] - most, mult, shift) + 32767;
            output[i] = (int16_t)interpolated(softmax_params->exp_lut, place < -32768 ? -32768 : (int32_t)place);
            sum += output[i];
        }
        REQUIRE(as_int32(sum) > 0);
        while (((sum << lead) & ((int64_t)1 << 31)) == 0) {
            lead++;
        }
        mantissa = (int32_t)(((sum << (lead - 1)) + (1 << 13)) >> 14) - 98304;
        REQUIRE(mantissa <= 32767); /* the library saturates neither this */
        inverse = interpolated(softmax_params->one_by_one_lut, mantissa);
        for (i = 0; i < row_size; i++) {
            int64_t share = (((int64_t)output[i] * inverse >> (30 - lead)) + 1) >> 1;
            REQUIRE(share <= 32767); /* nor this */
            output[i] = (int16_t)share;
        }
    }
    return ARM_CMSIS_NN_SUCCESS;
}
