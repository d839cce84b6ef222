/* The field in plain C. */
#include "procs/eth/bls/fp.h"

#define ENGINE bls_engine_portable
#define ENGINE_NAME "portable"
#include "procs/eth/bls/engine.inc"
