#ifndef BOARD_H
#define BOARD_H

static inline unsigned char *board_stack_pointer(void) {
    unsigned char *pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

#endif
