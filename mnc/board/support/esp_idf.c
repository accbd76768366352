/* Answers `mnc verify --on serial:PORT` over UART 0, at 115200 bits a second. */
#include "driver/uart.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "mnc_board.h"

#define PORT UART_NUM_0

int board_get(unsigned milliseconds)
{
    unsigned char byte;

    return uart_read_bytes(PORT, &byte, 1, pdMS_TO_TICKS(milliseconds)) == 1 ? byte : -1;
}

void board_put(unsigned char byte)
{
    uart_write_bytes(PORT, &byte, 1);
}

uint32_t board_micros(void)
{
    return (uint32_t)esp_timer_get_time();
}

void app_main(void)
{
    const uart_config_t line = {
        .baud_rate = 115200,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
    };

    ESP_ERROR_CHECK(uart_driver_install(PORT, 1024, 0, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(PORT, &line));
    mnc_board_serve();
}
