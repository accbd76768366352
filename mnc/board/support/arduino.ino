// Answers `mnc verify --on serial:PORT` over the board's usual serial port, at 115200 bits a second.
#include "mnc_board.h"

int board_get(unsigned milliseconds)
{
    const unsigned long start = millis();

    do {
        if (Serial.available() > 0) {
            return Serial.read();
        }
    } while (millis() - start < milliseconds);
    return -1;
}

void board_put(unsigned char byte)
{
    Serial.write(byte);
}

uint32_t board_micros(void)
{
    return micros();
}

void setup()
{
    Serial.begin(115200);
    mnc_board_serve();
}

void loop() {}
