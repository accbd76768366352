"""The kernels in Python; those that a network calls are copied into its module."""
# mypy: allow-untyped-defs
# (small machines read this text: annotations would cost them memory)

from math import exp

# Every kernel reads x and writes y, flat arrays of floats.  Element (row, column,
# channel) of an image lies at row * in_row + column * in_pixel + channel * in_channel,
# of the result likewise.


def conv2d(x, y, weights, bias, in_height, in_width, in_channels, in_row, in_pixel, in_channel,
           out_height, out_width, out_channels, out_row, out_pixel, out_channel, groups, kernel_height, kernel_width,
           stride_y, stride_x, dilation_y, dilation_x, top, left, lowest, highest):  # fmt: skip
    group_in, group_out = in_channels // groups, out_channels // groups
    for row in range(out_height):
        for column in range(out_width):
            for o in range(out_channels):
                total = 0.0 if bias is None else bias[o]
                first = o // group_out * group_in
                for ky in range(kernel_height):
                    iy = row * stride_y - top + ky * dilation_y
                    if not 0 <= iy < in_height:
                        continue
                    for kx in range(kernel_width):
                        ix = column * stride_x - left + kx * dilation_x
                        if not 0 <= ix < in_width:
                            continue
                        at = iy * in_row + ix * in_pixel + first * in_channel
                        w = (ky * kernel_width + kx) * group_in * out_channels + o
                        for _ in range(group_in):
                            total += x[at] * weights[w]
                            at += in_channel
                            w += out_channels
                y[row * out_row + column * out_pixel + o * out_channel] = min(max(total, lowest), highest)


def max_pooling2d(x, y, in_height, in_width, in_channels, in_row, in_pixel, in_channel,
                  out_height, out_width, out_channels, out_row, out_pixel, out_channel,
                  pool_height, pool_width, stride_y, stride_x, top, left):  # fmt: skip
    for row in range(out_height):
        rows = range(max(row * stride_y - top, 0), min(row * stride_y - top + pool_height, in_height))
        for column in range(out_width):
            columns = range(max(column * stride_x - left, 0), min(column * stride_x - left + pool_width, in_width))
            for c in range(out_channels):
                largest = max(x[iy * in_row + ix * in_pixel + c * in_channel] for iy in rows for ix in columns)
                y[row * out_row + column * out_pixel + c * out_channel] = largest


def clamp(x, y, count, lowest, highest):
    for i in range(count):
        y[i] = min(max(x[i], lowest), highest)


def softmax(x, y, vectors, count):
    for first in range(0, vectors * count, count):
        largest = max(x[first : first + count])
        total = 0.0
        for i in range(first, first + count):
            y[i] = exp(x[i] - largest)
            total += y[i]
        for i in range(first, first + count):
            y[i] /= total
