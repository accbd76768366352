/* One call of a kernel with random arguments, behind the interface of generated code. */
#include <stdint.h>

#define TRIAL_OUTPUT_SIZE 1024

typedef struct {
    int32_t unused;
} trial_t;

void trial_init(trial_t *trial);
void trial_run(trial_t *trial, const int32_t *seed, int8_t *output);
