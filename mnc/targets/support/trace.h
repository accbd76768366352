/* Forced into a traced build of the network: MNC_TRACE(i, output) follows layer i. */
#ifndef MNC_TRACE
void mnc_trace(unsigned index);
#define MNC_TRACE(index, output) mnc_trace(index)
#endif
