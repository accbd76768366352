/* Classifies handwritten digits with the network that mnc compiled from nano.h5. */

#include <stdio.h>

#include "digits.h"
#include "nano.h"

#define SIDE 96                /* the network's image: 96x96, one channel, 0 to 1 */
#define SMALL 8                /* the data's: 8x8, 0 to 16 */
#define SCALE (SIDE / SMALL)
#define SHOWN 7                /* digits drawn */

static nano_t net;             /* all the RAM that the network needs */
static float image[NANO_INPUT_SIZE];
static float scores[NANO_OUTPUT_SIZE];

static int pixel(const char *pixels, int row, int column)
{
    row = row < 0 ? 0 : row >= SMALL ? SMALL - 1 : row;
    column = column < 0 ? 0 : column >= SMALL ? SMALL - 1 : column;
    return pixels[row * SMALL + column] - 'a';
}

/* Bilinear between pixel centres, in integers up to the last division: as the network was trained. */
static void enlarge(const char *pixels)
{
    const int unit = 2 * SCALE; /* of the source, in steps of half a target pixel */
    int y, x;
    for (y = 0; y < SIDE; y++) {
        const int py = 2 * y + 1 + SCALE; /* half-pixel centres, one source pixel further to stay positive */
        const int ky = py / unit - 1, ny = py % unit;
        for (x = 0; x < SIDE; x++) {
            const int px = 2 * x + 1 + SCALE;
            const int kx = px / unit - 1, nx = px % unit;
            const int upper = (unit - nx) * pixel(pixels, ky, kx) + nx * pixel(pixels, ky, kx + 1);
            const int lower = (unit - nx) * pixel(pixels, ky + 1, kx) + nx * pixel(pixels, ky + 1, kx + 1);
            image[y * SIDE + x] = (float)((unit - ny) * upper + ny * lower) / (float)(unit * unit * 16);
        }
    }
}

static int classify(const char *pixels)
{
    int best = 0, i;
    enlarge(pixels);
    nano_run(&net, image, scores);
    for (i = 1; i < NANO_OUTPUT_SIZE; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

static void draw(void)
{
    static const char shades[] = " .:-=+*#@";
    int digit, row, column;
    for (row = 0; row < SMALL; row++) {
        printf("       ");
        for (digit = 0; digit < SHOWN; digit++) {
            for (column = 0; column < SMALL; column++)
                putchar(shades[pixel(digits[digit].pixels, row, column) / 2]);
            printf("  ");
        }
        putchar('\n');
    }
}

int main(void)
{
    int digit, correct = 0;
    nano_init(&net);

    putchar('\n');
    draw();
    printf("truth  ");
    for (digit = 0; digit < SHOWN; digit++)
        printf("%d         ", digits[digit].label);
    printf("\ngot    ");
    for (digit = 0; digit < SHOWN; digit++) {
        const int got = classify(digits[digit].pixels);
        printf("%d %4.0f%%   ", got, 100.0 * (double)scores[got]);
    }
    putchar('\n');

    for (digit = 0; digit < DIGITS; digit++)
        correct += classify(digits[digit].pixels) == digits[digit].label;
    printf("\n%d of %d unseen digits are right (%.1f%%)\n", correct, DIGITS, 100.0 * correct / DIGITS);
    printf("%lu bytes of RAM, %lu multiplications each\n", (unsigned long)sizeof net, (unsigned long)NANO_MACS);
    return correct * 10 < DIGITS * 9; /* fail below 90%: Keras itself gets 97.8% */
}
