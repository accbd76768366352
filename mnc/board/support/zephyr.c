/* Answers `mnc verify --on serial:PORT` over the port that is the board's console. */
#include <zephyr/device.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>

#include "mnc_board.h"

static const struct device *const port = DEVICE_DT_GET(DT_CHOSEN(zephyr_console));

int board_get(unsigned milliseconds)
{
    const int64_t end = k_uptime_get() + milliseconds;
    unsigned char byte;

    do {
        if (uart_poll_in(port, &byte) == 0) {
            return byte;
        }
    } while (k_uptime_get() < end);
    return -1;
}

void board_put(unsigned char byte)
{
    uart_poll_out(port, byte);
}

uint32_t board_micros(void)
{
    return (uint32_t)k_ticks_to_us_floor64(k_uptime_ticks());
}

int main(void)
{
    if (!device_is_ready(port)) {
        return 1;
    }
    mnc_board_serve();
    return 0;
}
