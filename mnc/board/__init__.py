"""A network on a real board: the firmware that shows it layer by layer, and the conversation over a serial port."""
