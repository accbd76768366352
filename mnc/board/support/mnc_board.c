/*
 * The board's half of the conversation with `mnc verify --on serial:PORT`.
 *
 * A frame, in both directions, numbers with their lowest byte first:
 *
 *     0x9A 0x6D  kind  number  size (2)  `size` bytes  CRC-32 of all from kind on (4)
 *
 * Whoever sends a frame waits for its acknowledgement, 'A' with the number of the frame, and sends
 * it again where none comes; a frame with the number of the one before is a repetition.  The PC
 * says hello ('H'), writes inputs ('W') and asks for a run ('R'); the board says who it is ('I')
 * and tells of layers ('L'), of outputs ('O') and of the end of a run ('D'), and that it has
 * started ('B').
 */
#include <stddef.h>

#include "mnc_board.h"

#define PROTOCOL 1u
#define CHUNK 128u   /* bytes of a value in one frame */
#define GAP 200u     /* milliseconds between the bytes of a frame, at most */
#define PATIENCE 500u /* milliseconds until a frame is sent again */
#define TRIES 12
#define MOST_SKIPPED 4096 /* bytes that are no frame, until a frame is sent again */

static struct {
    unsigned char kind;
    unsigned char number;
    unsigned size;
    unsigned char data[CHUNK + 4u];
} frame; /* the last one that came */

static uint32_t crc;
static uint32_t began;      /* the moment when a layer began */
static unsigned char sent;  /* the number of the last frame that was sent */
static unsigned char taken; /* the number of the last command */
static unsigned char given_up; /* the PC does not listen to this run */

static void add_to_crc(unsigned byte)
{
    int bit;

    crc ^= byte;
    for (bit = 0; bit < 8; ++bit) {
        crc = (crc & 1u) != 0u ? (crc >> 1) ^ 0xEDB88320UL : crc >> 1;
    }
}

static void put(unsigned byte)
{
    add_to_crc(byte & 0xFFu);
    board_put((unsigned char)(byte & 0xFFu));
}

static void lay(unsigned char *to, uint32_t number, int bytes)
{
    int i;

    for (i = 0; i < bytes; ++i) {
        to[i] = (unsigned char)(number & 0xFFu);
        number >>= 8;
    }
}

static uint32_t number_at(const unsigned char *from)
{
    return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

static void send(char kind, unsigned char number, const unsigned char *head, unsigned head_size,
                 const unsigned char *data, unsigned size)
{
    unsigned char check[4];
    unsigned i;

    board_put(0x9Au);
    board_put(0x6Du);
    crc = 0xFFFFFFFFUL;
    put((unsigned char)kind);
    put(number);
    put(head_size + size);
    put((head_size + size) >> 8);
    for (i = 0; i < head_size; ++i) {
        put(head[i]);
    }
    for (i = 0; i < size; ++i) {
        put(data[i]);
    }
    lay(check, ~crc, 4);
    for (i = 0; i < 4u; ++i) {
        board_put(check[i]);
    }
}

static void acknowledge(void)
{
    send('A', frame.number, NULL, 0, NULL, 0);
}

/* The rest of a frame behind its two first bytes: 1 where it is whole. */
static int receive_rest(void)
{
    unsigned char head[4], check[4];
    unsigned i;
    int byte;

    crc = 0xFFFFFFFFUL;
    for (i = 0; i < 4u; ++i) {
        byte = board_get(GAP);
        if (byte < 0) {
            return 0;
        }
        head[i] = (unsigned char)byte;
        add_to_crc(head[i]);
    }
    frame.kind = head[0];
    frame.number = head[1];
    frame.size = head[2] + ((unsigned)head[3] << 8);
    if (frame.size > sizeof frame.data) {
        return 0;
    }
    for (i = 0; i < frame.size; ++i) {
        byte = board_get(GAP);
        if (byte < 0) {
            return 0;
        }
        frame.data[i] = (unsigned char)byte;
        add_to_crc(frame.data[i]);
    }
    for (i = 0; i < 4u; ++i) {
        byte = board_get(GAP);
        if (byte < 0) {
            return 0;
        }
        check[i] = (unsigned char)byte;
    }
    return number_at(check) == (~crc & 0xFFFFFFFFUL);
}

/* Wait for a frame: 1 where one is in `frame`. */
static int receive(void)
{
    int last = -1, skipped;

    for (skipped = 0; skipped < MOST_SKIPPED; ++skipped) {
        const int byte = board_get(PATIENCE);
        if (byte < 0) {
            return 0;
        }
        if (last == 0x9A && byte == 0x6D) {
            return receive_rest();
        }
        last = byte;
    }
    return 0;
}

/* Send a frame until it is acknowledged; once that fails, nothing more of this run is sent. */
static void deliver(char kind, const unsigned char *head, unsigned head_size,
                    const unsigned char *data, unsigned size)
{
    int tries;

    if (given_up) {
        return;
    }
    ++sent;
    for (tries = 0; tries < TRIES; ++tries) {
        send(kind, sent, head, head_size, data, size);
        while (receive()) {
            if (frame.kind == 'A' && frame.number == sent) {
                return;
            }
            if (frame.kind == 'R' && frame.number == taken) { /* it did not hear that it was understood */
                acknowledge();
            } else if (frame.kind == 'H' || frame.kind == 'W' || frame.kind == 'R') {
                given_up = 1; /* the PC has left this run, and will send this command again */
                return;
            }
        }
    }
    given_up = 1;
}

/* A value, or a row of one, in as many frames as it takes. */
static void tell(char kind, unsigned layer, int row, uint32_t took, const void *value, uint32_t size)
{
    const unsigned char *bytes = (const unsigned char *)value;
    unsigned char head[12];
    uint32_t at;

    for (at = 0; at < size; at += CHUNK) {
        lay(head, layer, 2);
        lay(head + 2, (uint32_t)row & 0xFFFFUL, 2);
        lay(head + 4, at, 4);
        lay(head + 8, took, 4);
        deliver(kind, head, sizeof head, bytes + at, (unsigned)(size - at < CHUNK ? size - at : CHUNK));
    }
}

void mnc_layer_done(unsigned layer, int row, const void *output)
{
    const uint32_t took = (board_micros() - began) & 0xFFFFFFFFUL;

    tell('L', layer, row, took, output, mnc_layer_sizes[layer]);
    began = board_micros();
}

static uint32_t total(const mnc_block *blocks, unsigned count)
{
    uint32_t sum = 0;
    unsigned i;

    for (i = 0; i < count; ++i) {
        sum += blocks[i].size;
    }
    return sum;
}

/* Who this is; a number in the core's own order of bytes shows that order. */
static void introduce(void)
{
    static const uint32_t order = 0x01020304UL;
    unsigned char head[28];
    unsigned length = 0;
    unsigned i;

    lay(head, number_at(frame.data), 4); /* the greeting */
    lay(head + 4, PROTOCOL, 2);
    lay(head + 6, mnc_layer_count, 2);
    lay(head + 8, mnc_model, 4);
    lay(head + 12, mnc_code, 4);
    lay(head + 16, total(mnc_inputs, mnc_input_count), 4);
    lay(head + 20, total(mnc_outputs, mnc_output_count), 4);
    for (i = 0; i < 4u; ++i) {
        head[24u + i] = ((const unsigned char *)&order)[i];
    }
    while (mnc_name[length] != '\0') {
        ++length;
    }
    send('I', frame.number, head, sizeof head, (const unsigned char *)mnc_name, length);
}

/* Bytes for the inputs, which lie one after another as far as the PC sees. */
static void take_inputs(void)
{
    uint32_t at = number_at(frame.data);
    unsigned i, input = 0;

    for (i = 4; i < frame.size; ++i) {
        while (input < mnc_input_count && at >= mnc_inputs[input].size) {
            at -= mnc_inputs[input].size;
            ++input;
        }
        if (input == mnc_input_count) {
            return;
        }
        ((unsigned char *)mnc_inputs[input].data)[at] = frame.data[i];
        ++at;
    }
}

static void run(void)
{
    unsigned i;

    given_up = 0;
    if (frame.size != 0u && frame.data[0] != 0u) {
        mnc_set_up();
    }
    began = board_micros();
    mnc_inference();
    for (i = 0; i < mnc_output_count; ++i) {
        tell('O', i, -1, 0, mnc_outputs[i].data, mnc_outputs[i].size);
    }
    deliver('D', NULL, 0, NULL, 0);
}

void mnc_board_serve(void)
{
    send('B', 0, NULL, 0, NULL, 0);
    for (;;) {
        if (!receive()) {
            continue;
        }
        if (frame.kind == 'H' && frame.size >= 4u) {
            sent = 0;
            taken = frame.number;
            introduce();
        } else if (frame.kind == 'W' && frame.size >= 4u) {
            taken = frame.number;
            take_inputs();
            acknowledge();
        } else if (frame.kind == 'R') {
            const int again = frame.number == taken;
            taken = frame.number;
            acknowledge();
            if (!again) {
                run();
            }
        }
    }
}
