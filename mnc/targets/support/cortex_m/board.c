/* A Cortex-M core under an emulator: start-up, the host's files by semihosting, SysTick as a clock. */
#include "driver.h"
#include "board.h"
#include "semihosting.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_CPACR REGISTER(0xE000ED88u)

extern unsigned char board_stack_top[];
int main(void);

static volatile uint32_t wraps;
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

void board_clock_start(void) {
    SYST_RVR = 0xFFFFFFu;
    SYST_CVR = 0u;
    SYST_CSR = 7u; /* the core's clock, with an interrupt, on */
}

static void tick(void) {
    wraps = wraps + 1u;
}

/*
 * SysTick ticks once in some tens of instructions.  Reading it 32 times, each
 * two instructions after the last, shows at which of them it ticks, and so
 * the time of the first to two instructions.
 */
void board_stamp(mnc_stamp *stamp) {
    static uint32_t reads[32];
    uint32_t high;
    uint32_t same = 0u;
    unsigned i;
    do {
        register volatile uint32_t *counter __asm__("r1") = &SYST_CVR;
        register uint32_t *next __asm__("r2") = reads;
        high = wraps;
        __asm__ volatile(".rept 32\n ldr r3, [r1]\n stmia r2!, {r3}\n .endr\n"
                         : "+r"(next)
                         : "r"(counter)
                         : "r3", "memory");
    } while (high != wraps);
    for (i = 0; i < 32u; i++) {
        same += (uint32_t)(reads[i] == reads[0]); /* no branch: every stamp takes as long */
    }
    stamp->high = high;
    stamp->low = (0u - reads[0]) & 0xFFFFFFu;
    stamp->fine = same;
}

static void reset(void) {
#if defined(__ARM_FP)
    SCB_CPACR |= 0xFu << 20;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
#if !defined(__ARM_FEATURE_UNALIGNED)
    SCB_CCR |= 1u << 3; /* trap unaligned accesses, which code of ARMv6-M may not make even on a larger core */
#endif
    main();
}

void board_fault(const uint32_t *frame) {
    if ((const unsigned char *)frame < board_stack_bottom) {
        host_print("the processor faulted; the stack has overflowed\n");
    } else {
        host_print_hex("the processor faulted at address 0x", frame[6]);
    }
    host_print_hex(" with fault status 0x", SCB_CFSR);
    host_exit(3);
}

static void __attribute__((naked)) fault(void) {
    /* The stack may be what is broken: the handler gets a fresh one. */
    __asm__ volatile("mrs r0, msp\n ldr r1, =board_stack_top\n mov sp, r1\n bl board_fault\n");
}

typedef union {
    void *pointer;
    void (*handler)(void);
} vector;

__attribute__((section(".vectors"), used)) static const vector vectors[16] = {
    {.pointer = board_stack_top}, {.handler = reset}, {.handler = fault}, {.handler = fault},
    {.handler = fault},           {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},           {.handler = fault}, {.handler = fault}, {.handler = fault},
    {.handler = fault},           {.handler = fault}, {.handler = fault}, {.handler = tick},
};
