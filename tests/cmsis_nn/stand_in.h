/*
 * Shared by the stand-in's kernels: checks that end the program, and the arithmetic of
 * TensorFlow Lite Micro in its plainest form.
 *
 * STAND_IN_CORE says for which of CMSIS-NN's three forms calls are checked.
 */
#ifndef STAND_IN_H
#define STAND_IN_H

#include "arm_nnfunctions.h"

#define CORE_PLAIN 0
#define CORE_DSP 1
#define CORE_MVE 2

#ifndef STAND_IN_CORE
#define STAND_IN_CORE CORE_PLAIN
#endif

/* Bytes that one vector load of MVE takes, and channels of a block of the depthwise kernel there. */
#define VECTOR 16
#define BLOCK 124

/* The name of the kernel that is called comes first in every message. */
void stand_in_enter(const char *kernel);
void stand_in_require(int holds, const char *condition);
#define REQUIRE(condition) stand_in_require((condition) != 0, #condition)

typedef struct {
    const int32_t *multiplier, *shift;
    int32_t offset, min, max;
} Scaling;

int64_t volume(const cmsis_nn_dims *dims);
int32_t round_up(int32_t value, int32_t multiple);

/* Both give or take whole blocks of memory, so that a sanitizer sees what kernels may touch. */
void readable(const void *data, int64_t bytes);
void scratch(const cmsis_nn_context *ctx, int64_t bytes, const void *input, int64_t input_bytes, const void *output,
             int64_t output_bytes);

void disjoint(const void *a, int64_t a_bytes, const void *b, int64_t b_bytes);

/* For kernels that go from the first element to the last: the output is not in front of elements still to be read. */
void beside_or_below(const void *input, const void *output, int64_t bytes);
/* The rows of input that a row of output reads. */
typedef struct {
    int32_t taps, stride, padding, dilation;
} RowWindow;
RowWindow row_window(int32_t taps, int32_t stride, int32_t padding, int32_t dilation);

/* The output may lie over rows of the input, of elements of `bytes`, that no row of output from there on reads. */
void beside_or_behind(const void *input, const cmsis_nn_dims *x, const void *output, const cmsis_nn_dims *y,
                      RowWindow window, int32_t bytes);
void positive(const cmsis_nn_dims *dims);
void check_offsets(int32_t input_offset, int32_t output_offset);
void check_activation(cmsis_nn_activation activation);
void check_activation16(cmsis_nn_activation activation);
void check_scale(int32_t multiplier, int32_t shift);
void check_scales(const int32_t *multiplier, const int32_t *shift, int32_t channels);

int32_t requantise(int64_t value, int32_t multiplier, int32_t shift);
int8_t scaled(int64_t sum, const Scaling *scaling, int32_t channel);
int32_t high_product(int32_t a, int32_t b);
int32_t rounded_shift(int32_t value, int32_t bits);
int32_t as_int32(int64_t value);
int32_t limited(int64_t value, cmsis_nn_activation activation);

/* Elements of int8 or of int16, told apart by their size in bytes. */
int32_t element(const void *data, int64_t place, int32_t bytes);
void store(void *data, int64_t place, int32_t bytes, int32_t value);

#endif
