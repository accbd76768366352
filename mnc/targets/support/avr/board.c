/*
 * An 8-bit AVR under simavr: inputs lie in flash, what is written goes to the
 * first serial port in hexadecimal, timer 1 counts the processor's cycles.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>

#include "driver.h"

#define LINE 32u /* bytes */

/* The linker puts this section, which holds no code, before all other flash; `far` reaches the rest. */
__asm__(".section .progmem.data.inputs, \"a\", @progbits\n"
        ".global board_inputs\n"
        "board_inputs:\n"
        ".incbin \"inputs.bin\"\n"
        ".global board_inputs_end\n"
        "board_inputs_end:\n"
        ".text\n");
extern const unsigned char board_inputs;
extern const unsigned char board_inputs_end;

static uint32_t position;
static volatile uint32_t wraps;

void board_open(void) {
    UCSR0B = 1u << TXEN0;
}

uint32_t board_read(void *to, uint32_t size) {
    const uint32_t start = pgm_get_far_address(board_inputs);
    const uint32_t left = pgm_get_far_address(board_inputs_end) - start - position;
    unsigned char *byte = to;
    uint32_t i;
    if (size > left) {
        size = left;
    }
    for (i = 0; i < size; i++) {
        byte[i] = pgm_read_byte_far(start + position + i);
    }
    position += size;
    return size;
}

static void put(char character) {
    while (!(UCSR0A & (1u << UDRE0))) {
    }
    UDR0 = (unsigned char)character;
}

void board_write(const void *from, uint32_t size) {
    static const char digits[] = "0123456789abcdef";
    const unsigned char *byte = from;
    uint32_t i;
    for (i = 0; i < size; i++) {
        if (i % LINE == 0) {
            put(':');
        }
        put(digits[byte[i] >> 4]);
        put(digits[byte[i] & 15u]);
        if (i % LINE == LINE - 1u || i == size - 1u) {
            put('\n');
        }
    }
}

/* The emulator ends when nothing can wake the processor; that there is not all output tells of a failure. */
void board_exit(int status) {
    (void)status;
    cli();
    sleep_enable();
    for (;;) {
        sleep_cpu();
    }
}

void abort(void) {
    board_exit(3);
    for (;;) {
    }
}

ISR(TIMER1_OVF_vect) {
    wraps++;
}

void board_clock_start(void) {
    TCCR1B = 1u << CS10;
    TIMSK1 = 1u << TOIE1;
    sei();
}

void board_stamp(mnc_stamp *stamp) {
    uint32_t high;
    do {
        high = wraps;
        stamp->low = TCNT1;
        stamp->high = wraps;
    } while (high != stamp->high);
    stamp->fine = 0u;
}
