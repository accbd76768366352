/* Time by layers, for code made with -X profile=1.  Each macro may be defined before this
 * file is compiled. */

/* now = a counter of time that goes up, which MNC_START_TICKS() switches on where it can be
 * off; MNC_TICKS_MASK has its bits.  A layer that takes longer than it counts is told too
 * little.  Provided are: Cortex-M's DWT, Xtensa's CCOUNT, RISC-V's mcycle (on Espressif's
 * chips a function of theirs), on AVR a timer of 16 bits that runs and is named by
 * -DMNC_TIMER=TCNT1, and what PCs have. */
#ifndef MNC_READ_TICKS
#if defined(__AVR__)
#ifndef MNC_TIMER
#error "AVR has no counter of cycles: name a timer of 16 bits that runs, as -DMNC_TIMER=TCNT1"
#endif
#define MNC_READ_TICKS(now) ((now) = (uint16_t)(MNC_TIMER))
#define MNC_TICKS_MASK 0xFFFFUL
#elif defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__) || defined(__ARM_ARCH_8M_MAIN__) || \
    defined(__ARM_ARCH_8_1M_MAIN__)
#define MNC_REGISTER(address) (*(volatile uint32_t *)(address))
#define MNC_READ_TICKS(now) ((now) = MNC_REGISTER(0xE0001004UL)) /* DWT_CYCCNT */
#if defined(__ARM_ARCH_7EM__)
#define MNC_UNLOCK_TICKS() (MNC_REGISTER(0xE0001FB0UL) = 0xC5ACCE55UL) /* DWT_LAR, for Cortex-M7 */
#else
#define MNC_UNLOCK_TICKS() ((void)0)
#endif
#define MNC_TRACE_ON() (MNC_REGISTER(0xE000EDFCUL) |= 1UL << 24) /* DEMCR.TRCENA */
#define MNC_COUNTER_ON() (MNC_REGISTER(0xE0001000UL) |= 1UL) /* DWT_CTRL.CYCCNTENA */
#define MNC_START_TICKS() (MNC_TRACE_ON(), MNC_UNLOCK_TICKS(), MNC_COUNTER_ON())
#elif defined(__XTENSA__)
#define MNC_READ_TICKS(now) __asm__ volatile("rsr %0, ccount" : "=a"(now) : : "memory")
#elif defined(__riscv) && defined(ESP_PLATFORM)
#include "esp_cpu.h"
#define MNC_READ_TICKS(now) ((now) = (uint32_t)esp_cpu_get_cycle_count())
#elif defined(__riscv)
#define MNC_READ_TICKS(now) /* mcycle */ \
    __asm__ volatile(".insn i 0x73, 2, %0, x0, -0x500" : "=r"(now) : : "memory")
#elif defined(__x86_64__) || defined(__i386__)
#define MNC_READ_TICKS(now) __asm__ volatile("rdtsc" : "=a"(now) : : "edx", "memory")
#elif defined(__aarch64__) && defined(__GNUC__)
#define MNC_READ_TICKS(now) \
    do { \
        uint64_t virtual_count; \
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(virtual_count) : : "memory"); \
        (now) = (uint32_t)virtual_count; \
    } while (0)
#else
#error "no counter is known here: define MNC_READ_TICKS(now) as a statement that sets now to one"
#endif
#endif
#ifndef MNC_TICKS_MASK
#define MNC_TICKS_MASK 0xFFFFFFFFUL
#endif
#ifndef MNC_START_TICKS
#define MNC_START_TICKS() ((void)0)
#endif

/* Before and after each layer of a run, or each of its rows where layers make rows in turns. */
#ifndef MNC_BEFORE_LAYER
#define MNC_BEFORE_LAYER(layer, began) MNC_READ_TICKS(began)
#endif
#ifndef MNC_AFTER_LAYER
#define MNC_AFTER_LAYER(layer, began, ticks) mnc_add_ticks(&(ticks)[layer], began)
#endif
