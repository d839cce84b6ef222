#if defined(__x86_64__)
/* The field with mulx.S, and the lanes for what comes in numbers. */
#define BLS_ADX
#include "procs/eth/bls/fp.h"

#define ENGINE bls_engine_adx
#define ENGINE_LANES bls_engine_ifma
#define ENGINE_NAME "mulx/adx"
#include "procs/eth/bls/engine.inc"
#endif
