"""A made-up library in CMSIS-NN's layout, for tests of how libraries are found, compiled and linked."""

from __future__ import annotations

HEADER = """\
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
int8_t arm_twice_s8(int8_t x);
int8_t arm_large_s8(int8_t x);
#ifdef __cplusplus
}
#endif
"""
SOURCE = """\
#include "arm_nnfunctions.h"
#if ARM_NN_ENABLE_F16 || ARM_NN_ENABLE_F32
#error "floats are not wanted"
#endif
int8_t arm_twice_s8(int8_t x) { return (int8_t)(2 * x); }
const int8_t arm_table_s8[10000] = {1};
int8_t arm_large_s8(int8_t x) { return arm_table_s8[(uint8_t)x]; }
"""

SMALL_LIBRARY = {
    "Include/arm_nnfunctions.h": HEADER,
    "Source/Some/arm_twice_s8.c": SOURCE,
    "Source/Some/arm_twice_f32.c": "#error floats\n",
}
"""Its files, by their paths."""
