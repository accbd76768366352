/*
 * Where the firmware meets the board: three functions to fill in for it.
 *
 * On a PC they are filled in already, with standard input and output, so that the program can be
 * tried before there is a board.
 */
#if defined(__unix__) || defined(__APPLE__)
#define _POSIX_C_SOURCE 200112L
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#endif

#include "mnc_board.h"

#if defined(__unix__) || defined(__APPLE__)

int board_get(unsigned milliseconds)
{
    struct pollfd given;
    unsigned char byte;

    given.fd = STDIN_FILENO;
    given.events = POLLIN;
    if (poll(&given, 1, (int)milliseconds) <= 0) {
        return -1;
    }
    if (read(STDIN_FILENO, &byte, 1) != 1) {
        exit(0); /* the PC has gone */
    }
    return byte;
}

void board_put(unsigned char byte)
{
    if (write(STDOUT_FILENO, &byte, 1) != 1) {
        exit(0);
    }
}

uint32_t board_micros(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)now.tv_sec * 1000000u + (uint32_t)(now.tv_nsec / 1000);
}

#else

#error "fill in the three functions for the board, with the serial port that the PC is connected to"

int board_get(unsigned milliseconds)
{
    (void)milliseconds;
    return -1; /* the next byte, or -1 where none comes in this time */
}

void board_put(unsigned char byte)
{
    (void)byte; /* wait until it can be sent */
}

uint32_t board_micros(void)
{
    return 0; /* 0 every time: layers are compared, but not timed */
}

#endif

int main(void)
{
    mnc_board_serve();
    return 0;
}
