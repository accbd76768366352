/* The test of a network on its device, for code made with -X selftest=1. */

/* The type of sums of values of any type. */
#define MNC_SUM float
