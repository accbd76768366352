/* An Xtensa core under QEMU: start-up, the host's files by simcall, CCOUNT as a clock. */
#include "driver.h"
#include "board.h"

/* QEMU's numbers, and the host's flags of open(), which it passes on: those of Linux. */
#define SYS_EXIT 1
#define SYS_READ 3
#define SYS_WRITE 4
#define SYS_OPEN 5
#define OPEN_READ 0
#define OPEN_WRITE 0x241 /* write only, create, truncate */
#define MODE 0644
#define STANDARD_ERROR 2

int main(void);

static int inputs;
static int outputs;

static int host_call(int operation, int first, const void *second, int third) {
    register int a2 __asm__("a2") = operation;
    register int a3 __asm__("a3") = first;
    register const void *a4 __asm__("a4") = second;
    register int a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return a2;
}

void board_open(void) {
    inputs = host_call(SYS_OPEN, (int)"inputs.bin", (const void *)OPEN_READ, MODE);
    outputs = host_call(SYS_OPEN, (int)"outputs.bin", (const void *)OPEN_WRITE, MODE);
}

uint32_t board_read(void *to, uint32_t size) {
    return (uint32_t)host_call(SYS_READ, inputs, to, (int)size);
}

void board_write(const void *from, uint32_t size) {
    if (host_call(SYS_WRITE, outputs, from, (int)size) != (int)size) {
        board_exit(2);
    }
}

void board_exit(int status) {
    host_call(SYS_EXIT, status, 0, 0);
    for (;;) {
    }
}

void board_clock_start(void) {}

/*
 * CCOUNT goes on once in some tens of instructions.  Reading it 32 times, each two instructions
 * after the last, shows at which of them it does, and so the time of the first to two instructions.
 */
void board_stamp(mnc_stamp *stamp) {
    static uint32_t reads[32];
    uint32_t *next = reads;
    uint32_t same = 0u;
    uint32_t ticks;
    unsigned i;
    __asm__ volatile(".set board_at, 0\n"
                     ".rept 32\n rsr.ccount %0\n s32i %0, %1, board_at\n .set board_at, board_at + 4\n .endr\n"
                     : "=&r"(ticks)
                     : "r"(next)
                     : "memory");
    for (i = 0; i < 32u; i++) {
        same += (uint32_t)(reads[i] == reads[0]); /* no branch: every stamp takes as long */
    }
    stamp->high = 0u;
    stamp->low = reads[0];
    stamp->fine = same;
}

static inline void host_print(const char *text) {
    int length = 0;
    while (text[length] != '\0') {
        length++;
    }
    host_call(SYS_WRITE, STANDARD_ERROR, text, length);
}

#include "hex.h"

void __attribute__((used)) board_fault(uint32_t cause, uint32_t address) {
    host_print_hex("the processor faulted at address 0x", address);
    host_print_hex(" with cause 0x", cause);
    board_exit(3);
}

/* Every exception, wherever a core has its vector, gets a fresh stack, as the old one may be what is broken. */
__asm__(".section .reset, \"ax\"\n"
        ".globl board_reset\n"
        "board_reset:\n"
        "    j 1f\n"
        "    .align 4\n"
        "    .literal_position\n"
        "1:  movi a2, vectors\n"
        "    wsr.vecbase a2\n"
        "    movi a2, 0x20\n" /* interrupts on, no exception, user mode */
        "    wsr.ps a2\n"
#if defined(BOARD_HAS_FPU)
        "    movi a2, 1\n"
        "    .byte 0x20, 0xE0, 0x13\n" /* wsr.cpenable a2, which the assembler of a core without FPU does not know */
#endif
        "    rsync\n"
        "    movi a1, board_stack_top\n"
        "    movi a0, main\n"
        "    jx a0\n"

        ".section .vectors, \"ax\"\n"
        ".align 4096\n"
        "vectors:\n"
        ".rept 64\n"
        "    j fault\n"
        "    .align 16\n"
        ".endr\n"
        "    .literal_position\n"
        "fault:\n"
        "    movi a1, board_stack_top\n"
        "    rsr.exccause a2\n"
        "    rsr.epc1 a3\n"
        "    movi a0, board_fault\n"
        "    jx a0\n"
        ".text\n");
