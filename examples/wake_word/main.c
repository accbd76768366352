/* Listens for a wake word with the network that mnc compiled from okay_nabu.tflite.
 *
 * The front end's frames come on the standard input, as on a device they come from the microphone:
 * every 10 ms 40 features, integers of 16 bits, low byte first.  `front_end.py` writes them. */

#include <stdio.h>

#include "okay_nabu.h"

#define FEATURES OKAY_NABU_FRAME_SIZE
#define FRAMES_PER_SECOND 100
#define REAL (1.0f / 25.6f) /* of a feature: the network was trained on 25.6ths */

/* From okay_nabu.json, which comes with the model: mean of the last 5 probabilities above 0.85. */
#define AVERAGED 5
#define CUTOFF 0.85f

#define QUIET FRAMES_PER_SECOND /* frames after a detection in which there is no second one */

static okay_nabu_t net; /* all the RAM that the network needs */

/* The next frame, as the network takes it; 0 at the end. */
static int next_frame(int8_t *frame)
{
    int i;

    for (i = 0; i < FEATURES; i++) {
        const int low = getchar(), high = getchar();
        float stored;

        if (high == EOF)
            return 0;
        stored = (float)(high * 256 + low) * (REAL / OKAY_NABU_INPUT_SCALE) + 0.5f;
        frame[i] = (int8_t)((stored < 255.0f ? (int)stored : 255) + OKAY_NABU_INPUT_ZERO_POINT);
    }
    return 1;
}

/* The mean of the last probabilities, this one included. */
static float averaged(uint8_t output)
{
    static uint8_t last[AVERAGED];
    int i, sum = output;

    for (i = AVERAGED - 1; i > 0; i--)
        sum += last[i] = last[i - 1];
    last[0] = output;
    return (float)sum * OKAY_NABU_OUTPUT_SCALE / (float)AVERAGED;
}

int main(int argc, char **argv)
{
    const char *const name = argc > 1 ? argv[1] : "standard input";
    int8_t frame[FEATURES];
    uint8_t output[OKAY_NABU_OUTPUT_SIZE];
    float most = 0.0f;
    long frames = 0, heard = -QUIET;
    int detections = 0;

    okay_nabu_init(&net);
    while (next_frame(frame)) {
        float mean;

        frames++;
        if (!okay_nabu_push(&net, frame, output)) /* two of three frames only wait */
            continue;
        mean = averaged(output[0]);
        most = mean > most ? mean : most;
        if (mean > CUTOFF && frames - heard >= QUIET) {
            printf("%-28s okay nabu at %.2f s, %.0f%%\n", name, (double)frames / FRAMES_PER_SECOND,
                   100.0 * (double)mean);
            heard = frames;
            detections++;
        }
    }
    if (detections == 0)
        printf("%-28s nothing in %.2f s, at most %.0f%%\n", name,
               (double)frames / FRAMES_PER_SECOND, 100.0 * (double)most);
    return 0;
}
