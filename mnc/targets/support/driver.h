/* Declarations that the measuring driver shares with the network's adapter and the board's support code. */
#ifndef MNC_DRIVER_H
#define MNC_DRIVER_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    void *data;
    uint32_t size; /* bytes */
} mnc_block;

/* A moment, in the units that the target's clock defines: see Clock in target.py. */
typedef struct {
    uint32_t high;
    uint32_t low;
    uint32_t fine;
} mnc_stamp;

/* The adapter: the network behind one fixed interface. */
extern const mnc_block mnc_inputs[];
extern const mnc_block mnc_outputs[];
extern const uint16_t mnc_input_count;
extern const uint16_t mnc_output_count;
void mnc_set_up(void);
void mnc_inference(void);
void mnc_nothing(void);

/* A traced build: what the network's code calls after each layer, or each of its rows (row -1: all of it); how often
 * a run does so, with a stamp for each call; and for each layer the bytes of its output, or of a row of it. */
extern const uint16_t mnc_layer_count;
extern mnc_stamp mnc_layers[];
extern const uint32_t mnc_layer_sizes[];
void layer_done(unsigned index, int row, const void *output);

/* The board: the host's files, the clock, the stack. */
void board_open(void);
uint32_t board_read(void *to, uint32_t size); /* bytes of the input file that were left and are now in `to` */
void board_write(const void *from, uint32_t size);
void board_exit(int status);
void board_clock_start(void);
void board_stamp(mnc_stamp *stamp);
/* board.h: board_stack_pointer() and board_stack_limit(), below which the stack, which grows down, may not reach. */

#ifdef __cplusplus
}
#endif

#endif
