#ifndef BOARD_H
#define BOARD_H

static inline unsigned char *board_stack_pointer(void) {
    unsigned char *pointer;
    __asm__ volatile("mov %0, a1" : "=r"(pointer));
    return pointer;
}

extern unsigned char board_stack_bottom[];

static inline unsigned char *board_stack_limit(void) {
    return board_stack_bottom;
}

#endif
