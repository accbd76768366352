/* Numbers as text, for messages of a board; a board that includes this has host_print. */
#ifndef MNC_HEX_H
#define MNC_HEX_H

#include <stdint.h>

static inline void host_print(const char *text);

static inline void host_print_hex(const char *label, uint32_t value) {
    static const char digits[] = "0123456789abcdef";
    char text[9];
    unsigned i;
    for (i = 0; i < 8u; i++) {
        text[i] = digits[(value >> (28u - 4u * i)) & 15u];
    }
    text[8] = '\0';
    host_print(label);
    host_print(text);
}

#endif
