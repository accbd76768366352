/* Semihosting: an emulated processor asks its emulator for files.  Operation numbers and blocks as Arm publishes them. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

#define SYS_OPEN 0x01u
#define SYS_WRITE0 0x04u
#define SYS_WRITE 0x05u
#define SYS_READ 0x06u
#define SYS_EXIT_EXTENDED 0x20u
#define OPEN_READ 1u  /* "rb" */
#define OPEN_WRITE 5u /* "wb" */
#define APPLICATION_EXIT 0x20026u

#if defined(__arm__)
static inline uint32_t host_call(uint32_t operation, const void *argument) {
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#elif defined(__riscv)
static inline uint32_t host_call(uint32_t operation, const void *argument) {
    register uint32_t a0 __asm__("a0") = operation;
    register const void *a1 __asm__("a1") = argument;
    /* Three uncompressed instructions in one page are the mark. */
    __asm__ volatile(".option push\n .option norvc\n .balign 16\n"
                     "slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop\n"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}
#endif

static inline uint32_t host_open(const char *name, uint32_t length, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)name, mode, length};
    return host_call(SYS_OPEN, block);
}

/* Bytes that were read. */
static inline uint32_t host_read(uint32_t file, void *to, uint32_t size) {
    const uint32_t block[3] = {file, (uint32_t)to, size};
    return size - host_call(SYS_READ, block);
}

/* Bytes that were written. */
static inline uint32_t host_write(uint32_t file, const void *from, uint32_t size) {
    const uint32_t block[3] = {file, (uint32_t)from, size};
    return size - host_call(SYS_WRITE, block);
}

static inline void host_print(const char *text) {
    host_call(SYS_WRITE0, text);
}

#include "hex.h"

static inline void host_exit(int status) {
    const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
    host_call(SYS_EXIT_EXTENDED, block);
    for (;;) {
    }
}

#endif
