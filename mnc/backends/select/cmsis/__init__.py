"""Selection for CMSIS-NN: which of Arm's kernels computes an int8 layer, and where mnc's own does.

Each function here gives the step, or a refusal that says why CMSIS-NN has no
kernel that gives the same bits.  The
facts are of CMSIS-NN as of July 2026 (`arm_nn_types.h` V.3.6.1).
"""
