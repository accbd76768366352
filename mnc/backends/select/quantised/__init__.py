"""Kernels for int8: the arithmetic of TensorFlow Lite Micro, all constants of it made at compile time."""
