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
