# BLS12-381 signatures behind bls.h.
bls := procs/eth/bls
LIBS += bls
bls_SRC := $(bls)/bls.c $(bls)/batch.c $(bls)/expand.c $(bls)/engine_portable.c $(bls)/engine_adx.c $(bls)/mulx.S $(bls)/lanes.c
bls_CFLAGS := -O3
bls_LDLIBS := -lcrypto
