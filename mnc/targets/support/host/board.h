#ifndef BOARD_H
#define BOARD_H

#define STACK_LOOKED_AT 0x40000 /* bytes, far below what an operating system gives a process */

static inline unsigned char *board_stack_pointer(void) {
    unsigned char *pointer;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(pointer));
#elif defined(__aarch64__)
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
#else
    pointer = (unsigned char *)__builtin_frame_address(0) - 256; /* surely below this frame */
#endif
    return pointer;
}

/* An operating system gives a process more stack when it is first used, not when memory below it is written. */
static void __attribute__((noinline)) board_grow_stack(void) {
    volatile unsigned char space[STACK_LOOKED_AT + 0x1000];
    unsigned i;
    for (i = 0; i < sizeof space; i += 0x400) {
        space[i] = 0;
    }
}

static inline unsigned char *board_stack_limit(void) {
    board_grow_stack();
    return board_stack_pointer() - STACK_LOOKED_AT;
}

#endif
