/* Time by layers, for code made with -X profile=1: the sums, and a table of them. */

/* Forget the ticks of an earlier run. */
MNC_KERNEL void mnc_clear_ticks(uint32_t *ticks, int layers)
{
    int i;

    for (i = 0; i < layers; ++i) {
        ticks[i] = 0;
    }
}

/* Add what has passed since `began`. */
MNC_KERNEL void mnc_add_ticks(uint32_t *ticks, uint32_t began)
{
    uint32_t ended;

    MNC_READ_TICKS(ended);
    *ticks += (ended - began) & MNC_TICKS_MASK;
}

/* The ticks of all layers. */
MNC_KERNEL uint32_t mnc_sum_ticks(const uint32_t *ticks, int layers)
{
    uint32_t sum = 0;
    int i;

    for (i = 0; i < layers; ++i) {
        sum += ticks[i];
    }
    return sum;
}

/* A number in decimal, whose last digit is the last of `room` characters; the others are spaces. */
MNC_KERNEL void mnc_put_number(char *text, int room, uint32_t number)
{
    int at = room;
    uint32_t rest = number;

    do {
        --at;
        text[at] = (char)('0' + (int)(rest % 10u));
        rest /= 10u;
    } while ((rest != 0u) && (at > 0));
    while (at > 0) {
        --at;
        text[at] = ' ';
    }
}

/* A line of the table: a name, which zeros fill up to `width`, ticks, and their share of all in per
 * cent, in width + 19 characters with the zero at the end. */
MNC_KERNEL void mnc_ticks_line(const char *name, int width, uint32_t ticks, uint32_t all, char *line)
{
    char *const end = line + width;
    uint32_t share = ticks;
    uint32_t whole = all;
    char letter;
    int i;

    for (i = 0; i < width; ++i) {
        letter = (char)MNC_READ_S8(name[i]);
        line[i] = (letter != '\0') ? letter : ' ';
    }
    mnc_put_number(end, 11, ticks);
    /* So that a thousand times as many have 32 bits. */
    while (whole > (uint32_t)4000000UL) {
        share /= 2u;
        whole /= 2u;
    }
    share = (whole == 0u) ? 0u : (((share * 1000u) + (whole / 2u)) / whole);
    mnc_put_number(end + 11, 4, share / 10u);
    end[15] = '.';
    mnc_put_number(end + 16, 1, share % 10u);
    end[17] = '%';
    end[18] = '\0';
}
