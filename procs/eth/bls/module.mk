# BLS12-381 signatures behind bls.h: our own, or with BLS=blst those of libblst.
BLS ?= own
bls := procs/eth/bls
LIBS += bls
bls_SRC := $(addprefix $(bls)/,bls.c batch.c expand.c)
# Unrolled loops under a sanitizer take minutes to compile.
bls_CFLAGS := $(if $(filter release,$(CONFIG)),-O3,-O1 -DBLS_ROLLED)
bls_LDLIBS := -lcrypto
ifeq ($(BLS),own)
bls_SRC += $(addprefix $(bls)/,engine_portable.c engine_adx.c mulx.S lanes.c)
else ifeq ($(BLS),blst)
ifeq ($(call pkg,--libs libblst),)
$(error BLS=blst, and pkg-config knows no libblst)
endif
bls_SRC += $(bls)/bls_blst.c
bls_CPPFLAGS := -DBLS_BLST $(call pkg,--cflags libblst)
bls_LDLIBS += $(call pkg,--libs libblst)
else
$(error BLS is '$(BLS)'; known are own, blst)
endif
