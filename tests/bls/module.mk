TESTS += test_bls
# What is below bls.h is there only where it is ours.
ifeq ($(BLS),own)
TESTS += test_bls_field test_bls_lanes test_bls_engines
endif
test_bls_SRC := tests/bls/test_bls.c tests/bls/vectors.c
test_bls_LIBS := bls
test_bls_LDLIBS := -lcriterion $(call pkg,--libs jansson libarchive)
test_bls_field_SRC := tests/bls/test_bls_field.c
test_bls_field_LIBS := bls
test_bls_field_LDLIBS := -lcriterion
test_bls_lanes_SRC := tests/bls/test_bls_lanes.c
test_bls_lanes_LIBS := bls
test_bls_lanes_LDLIBS := -lcriterion
test_bls_engines_SRC := tests/bls/test_bls_engines.c
test_bls_engines_LIBS := bls
test_bls_engines_LDLIBS := -lcriterion

# Beside libblst where there is one.
ifeq ($(BLS),own)
BENCHES += bench_bls
bench_bls_SRC := tests/bench/bench_bls.c
bench_bls_LIBS := bls
bench_bls_LDLIBS := $(call pkg,--libs jansson)
ifneq ($(call pkg,--libs libblst),)
bench_bls_SRC += procs/eth/bls/bls_blst.c
bench_bls_CPPFLAGS := -DBENCH_BLST $(call pkg,--cflags libblst)
bench_bls_LDLIBS += $(call pkg,--libs libblst)
endif
endif
