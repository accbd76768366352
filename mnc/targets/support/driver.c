/*
 * Runs the network on every record of the input file and writes what happened.
 *
 * Output file: the stack's depth and size, four stamps that calibrate the clock, then
 * for every record of inputs: what each layer gave, row by row with the layer's and
 * the row's number where rows are made in turns (with MNC_TRACE_VALUES),
 * the stamps before and after the run, the stamp after each layer or row (with
 * MNC_TRACE_TIME), the outputs.  measure.py's reader mirrors this.
 */
#include "driver.h"
#include "board.h"

#define PAINT 0xA5u

static int tracing;
static uint16_t event;

void layer_done(unsigned index, int row, const void *output) {
    if (!tracing) {
        return;
    }
#ifdef MNC_TRACE_VALUES
    if (row >= 0) {
        const uint16_t tag[2] = {(uint16_t)index, (uint16_t)row};
        board_write(tag, sizeof tag);
    }
    board_write(output, mnc_layer_sizes[index]);
#else
    (void)index;
    (void)row;
    (void)output;
    board_stamp(&mnc_layers[event]);
    event++;
#endif
}

static int read_inputs(void) {
    uint16_t i;
    for (i = 0; i < mnc_input_count; i++) {
        if (board_read(mnc_inputs[i].data, mnc_inputs[i].size) != mnc_inputs[i].size) {
            return 0;
        }
    }
    return 1;
}

static void write_outputs(void) {
    uint16_t i;
    for (i = 0; i < mnc_output_count; i++) {
        board_write(mnc_outputs[i].data, mnc_outputs[i].size);
    }
}

/* depth[0]: bytes below this function's frame that one run touches; depth[1]: all that there are. */
static void __attribute__((noinline)) measure_stack(uint32_t *depth) {
    volatile unsigned char *const limit = board_stack_limit();
    volatile unsigned char *const top = board_stack_pointer();
    volatile unsigned char *byte;
    for (byte = limit; byte != top; byte++) {
        *byte = PAINT;
    }
    mnc_inference();
    byte = limit;
    while (byte != top && *byte == PAINT) {
        byte++;
    }
    depth[0] = (uint32_t)(top - byte);
    depth[1] = (uint32_t)(top - limit);
}

int main(void) {
    mnc_stamp stamps[4];
    uint32_t depth[2];
    int more;

    board_open();
    more = read_inputs();
    mnc_set_up();
    measure_stack(depth);
    board_write(depth, sizeof depth);

    board_clock_start();
    board_stamp(&stamps[0]);
    mnc_nothing();
    board_stamp(&stamps[1]);
    tracing = 1;
#ifdef MNC_TRACE_TIME
    event = 0u;
    layer_done(0u, -1, 0);
    stamps[2] = mnc_layers[0];
    event = 0u;
    layer_done(0u, -1, 0);
    stamps[3] = mnc_layers[0];
#else
    stamps[2] = stamps[1];
    stamps[3] = stamps[1];
#endif
    board_write(stamps, sizeof stamps);

    mnc_set_up(); /* the run above left its state behind; from here on, one run follows the other */
    for (; more; more = read_inputs()) {
        event = 0u;
        board_stamp(&stamps[0]);
        mnc_inference();
        board_stamp(&stamps[1]);
        board_write(stamps, 2 * sizeof stamps[0]);
#ifdef MNC_TRACE_TIME
        board_write(mnc_layers, mnc_layer_count * sizeof mnc_layers[0]);
#endif
        write_outputs();
    }
    board_exit(0);
    return 0;
}
