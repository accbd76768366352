/* The fault of weights that are handed in, `given` bytes of them, by the numbers in the network's header. */
MNC_KERNEL int mnc_weights_fault(const void *weights, size_t given, long size, uint32_t layout, uint32_t layout_high)
{
    const int32_t *const words = (const int32_t *)weights;
    int fault;

    if ((words == NULL) || (((size_t)words % 4u) != 0u)) {
        fault = 1;
    } else if (given < 32u) {
        fault = 2;
    } else if ((MNC_READ_S32(words[0]) != 0x6564616DL) || (MNC_READ_S32(words[1]) != 0x20796220L) ||
               (MNC_READ_S32(words[2]) != 0x01636E6DL)) { /* "made by mnc", and the version of the format */
        fault = 3;
    } else if (((uint32_t)MNC_READ_S32(words[4]) != layout) || ((uint32_t)MNC_READ_S32(words[5]) != layout_high) ||
               (MNC_READ_S32(words[3]) != size)) {
        fault = 4;
    } else if (given < (size_t)size) {
        fault = 2;
    } else if (mnc_crc_flash_s8((const int8_t *)weights, size - 4, 0) !=
               (uint32_t)MNC_READ_S32(words[(size / 4) - 1])) {
        fault = 5;
    } else {
        fault = 0;
    }
    return fault;
}
