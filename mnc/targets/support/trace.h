/* Forced into a traced build of the network: MNC_TRACE(i, output) follows layer i, MNC_TRACE_ROW one of its rows. */
#ifndef MNC_TRACE
#ifdef __cplusplus
extern "C"
#endif
void layer_done(unsigned index, int row, const void *output);
#define MNC_TRACE(index, output) layer_done(index, -1, output)
#define MNC_TRACE_ROW(index, row, output) layer_done(index, row, output)
#endif
