#ifndef BOARD_H
#define BOARD_H

#include <avr/io.h>

static inline unsigned char *board_stack_pointer(void) {
    return (unsigned char *)SP;
}

extern unsigned char _end[]; /* of the variables; the stack has the rest of the memory */

static inline unsigned char *board_stack_limit(void) {
    return _end;
}

#endif
