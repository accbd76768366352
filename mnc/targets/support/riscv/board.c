/* A 32-bit RISC-V core under an emulator: start-up, the host's files by semihosting, minstret as a clock. */
#include "driver.h"
#include "semihosting.h"

/* The compiler is told of no core with these registers, so that it finds its libraries; every core has them. */
#define WITH_CSR ".option arch, +zicsr\n"

int main(void);

static uint32_t inputs;
static uint32_t outputs;

void board_open(void) {
    inputs = host_open("inputs.bin", 10u, OPEN_READ);
    outputs = host_open("outputs.bin", 11u, OPEN_WRITE);
}

uint32_t board_read(void *to, uint32_t size) {
    return host_read(inputs, to, size);
}

void board_write(const void *from, uint32_t size) {
    if (host_write(outputs, from, size) != size) {
        host_exit(2);
    }
}

void board_exit(int status) {
    host_exit(status);
}

void board_clock_start(void) {}

void board_stamp(mnc_stamp *stamp) {
    uint32_t high;
    do {
        __asm__ volatile(WITH_CSR "csrr %0, minstreth" : "=r"(high));
        __asm__ volatile(WITH_CSR "csrr %0, minstret" : "=r"(stamp->low));
        __asm__ volatile(WITH_CSR "csrr %0, minstreth" : "=r"(stamp->high));
    } while (high != stamp->high);
    stamp->fine = 0u;
}

void __attribute__((used)) board_fault(uint32_t cause, uint32_t address) {
    host_print_hex("the processor faulted at address 0x", address);
    host_print_hex(" with cause 0x", cause);
    host_exit(3);
}

/* The stack may be what is broken: the handler gets a fresh one. */
__asm__(WITH_CSR ".section .vectors, \"ax\"\n"
        ".globl _start\n"
        "_start:\n"
        "    la sp, board_stack_top\n"
        "    la t0, fault\n"
        "    csrw mtvec, t0\n"
        "    j main\n"
        ".balign 4\n"
        "fault:\n"
        "    la sp, board_stack_top\n"
        "    csrr a0, mcause\n"
        "    csrr a1, mepc\n"
        "    j board_fault\n"
        ".text\n");
