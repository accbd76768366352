/* The firmware by which `mnc verify --on serial:PORT` looks at a network on a board. */
#ifndef MNC_BOARD_H
#define MNC_BOARD_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The board, in three functions to fill in. */

/* The next byte from the PC, 0 to 255; -1 where none came within `milliseconds`. */
int board_get(unsigned milliseconds);
/* Send a byte to the PC. */
void board_put(unsigned char byte);
/* A clock in microseconds, which may wrap after 32 bits; 0 every time where there is none. */
uint32_t board_micros(void);

/* Answer the PC, without end. */
void mnc_board_serve(void);

/* The network, in mnc_network.c. */

typedef struct {
    void *data;
    uint32_t size; /* bytes */
} mnc_block;

extern const mnc_block mnc_inputs[];
extern const mnc_block mnc_outputs[];
extern const uint16_t mnc_input_count;
extern const uint16_t mnc_output_count;
extern const uint16_t mnc_layer_count;
extern const uint32_t mnc_layer_sizes[]; /* bytes of each layer's output, or of a row of it */
extern const uint32_t mnc_model;         /* a hash of structure and weights */
extern const uint32_t mnc_code;          /* a hash of the generated code */
extern const char mnc_name[];
void mnc_set_up(void);
void mnc_inference(void);

/* Called by the network's code after each layer (row -1), or each row of one. */
void mnc_layer_done(unsigned layer, int row, const void *output);

#ifdef __cplusplus
}
#endif

#define MNC_TRACE(layer, output) mnc_layer_done(layer, -1, output)
#define MNC_TRACE_ROW(layer, row, output) mnc_layer_done(layer, row, output)

#endif
