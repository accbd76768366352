/* pico_keras3: made by mnc 0.1.0; change the model, not this file. */
#ifndef PICO_KERAS3_H
#define PICO_KERAS3_H
#include <stdint.h>

/** @file
 * The neural network pico_keras3.
 *
 * 884 parameters in 10 layers, 51,696 multiply-accumulate operations a run,
 * 3,120 bytes of RAM besides inputs and outputs, 2,548 bytes of constants in flash.
 *
 * - Alignment: net as int8_t, inputs and outputs as their elements.
 * - Aliasing: an output overlaps neither an input, nor another output, nor net.
 * - Stack: no recursion, no array of variable length; `mnc bench --on TARGET` measures it.
 * - Threads and interrupts: a run uses its arguments and constants and nothing else, and may
 *   be interrupted; runs on two structs may take place at once, two runs on one may not.
 */

#ifndef MNC_VERSION
/** The compiler, 0.1.0: 10000 * major + 100 * minor + patch. */
#define MNC_VERSION 100
#endif
/** The interface below: it grows where callers have to change. */
#define PICO_KERAS3_API 1

/** input input: int8[96, 96, 1], channels last; real = scale * (stored - zero point) */
#define PICO_KERAS3_INPUT_SIZE 9216
#define PICO_KERAS3_INPUT_SHAPE {96, 96, 1}
#define PICO_KERAS3_INPUT_SCALE 0.0039190156f
#define PICO_KERAS3_INPUT_ZERO_POINT (-128)
/** output softmax: int8[10]; real = scale * (stored - zero point) */
#define PICO_KERAS3_OUTPUT_SIZE 10
#define PICO_KERAS3_OUTPUT_SHAPE {10}
#define PICO_KERAS3_OUTPUT_SCALE 0.00390625f
#define PICO_KERAS3_OUTPUT_ZERO_POINT (-128)

/** Bytes of RAM, all of them in the struct. */
#define PICO_KERAS3_RAM_SIZE 3120
/** Multiply-accumulate operations of a run. */
#define PICO_KERAS3_MACS 51696
/** A hash of the model's structure and weights. */
#define PICO_KERAS3_MODEL_HASH 0xF71CF784UL

#ifdef __cplusplus
extern "C" {
#endif

/** All the memory of one network.  Two of them run side by side; networks that
 * do not run at the same time may share memory through a union. */
typedef struct {
    /** What layers share; of no meaning between runs. */
    int8_t arena[3120];
} pico_keras3_t;

/** Call once before the first run.
 * @param net the memory, of whatever content */
void pico_keras3_init(pico_keras3_t *net);

/** Run the network once.
 * @param net the memory, after pico_keras3_init
 * @param input PICO_KERAS3_INPUT_SIZE elements, which are only read
 * @param output PICO_KERAS3_OUTPUT_SIZE elements, all written
 */
void pico_keras3_run(pico_keras3_t *net, const int8_t *input, int8_t *output);

/** Real numbers to what the network takes as input: the nearest that it can store.
 * @param real PICO_KERAS3_INPUT_SIZE numbers
 * @param stored as many elements, all written
 */
void pico_keras3_quantize_input(const float *real, int8_t *stored);

/** What the network gives as output to real numbers.
 * @param stored PICO_KERAS3_OUTPUT_SIZE elements
 * @param real as many numbers, all written
 */
void pico_keras3_dequantize_output(const int8_t *stored, float *real);

#ifdef __cplusplus
}
#endif

#endif
