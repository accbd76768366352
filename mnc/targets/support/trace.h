/* Forced into a traced build of the network: MNC_TRACE(i, output) follows layer i. */
#ifndef MNC_TRACE
#ifdef __cplusplus
extern "C"
#endif
void layer_done(unsigned index, const void *output);
#define MNC_TRACE(index, output) layer_done(index, output)
#endif
