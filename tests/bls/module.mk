TESTS += test_bls test_bls_field
test_bls_SRC := tests/bls/test_bls.c tests/bls/vectors.c
test_bls_LIBS := bls
test_bls_LDLIBS := -lcriterion $(call pkg,--libs jansson libarchive)
test_bls_field_SRC := tests/bls/test_bls_field.c
test_bls_field_LIBS := bls
test_bls_field_LDLIBS := -lcriterion
