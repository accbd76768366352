/*
 * Runs the network on every record of the input file and writes what happened.
 *
 * Output file: the stack's depth, four stamps that calibrate the clock, then
 * for every record of inputs: the stamps before and after the run, the stamp
 * after each traced layer, the outputs.  target.py's reader mirrors this.
 */
#include "driver.h"
#include "board.h"

#define PAINT 0xA5u

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

void mnc_trace(unsigned index) {
    board_stamp(&mnc_layers[index]);
}

/* Bytes below the caller's stack pointer that one run touches. */
static uint32_t __attribute__((noinline)) stack_depth(void) {
    volatile unsigned char *const limit = board_stack_limit;
    volatile unsigned char *const top = board_stack_pointer();
    volatile unsigned char *byte;
    for (byte = limit; byte != top; byte++) {
        *byte = PAINT;
    }
    mnc_net_run();
    byte = limit;
    while (byte != top && *byte == PAINT) {
        byte++;
    }
    return (uint32_t)(top - byte);
}

int main(void) {
    mnc_stamp stamps[4];
    uint32_t depth;

    mnc_net_init();
    depth = stack_depth();
    board_write(&depth, sizeof depth);

    board_clock_start();
    board_stamp(&stamps[0]);
    mnc_nothing();
    board_stamp(&stamps[1]);
    board_stamp(&stamps[2]);
    board_stamp(&stamps[3]);
    board_write(stamps, sizeof stamps);

    while (read_inputs()) {
        mnc_net_init();
        board_stamp(&stamps[0]);
        mnc_net_run();
        board_stamp(&stamps[1]);
        board_write(stamps, 2 * sizeof stamps[0]);
        board_write(mnc_layers, mnc_layer_count * sizeof mnc_layers[0]);
        write_outputs();
    }
    board_exit(0);
    return 0;
}
