/* Forced into a traced build of the network: MNC_TRACE(i, output) follows layer i. */
#ifndef MNC_TRACE
#ifdef __cplusplus
extern "C"
#endif
void mnc_trace(unsigned index, const void *output);
#define MNC_TRACE(index, output) mnc_trace(index, output)
#endif
