TESTS += test_proto
test_proto_SRC := tests/node/test_proto.c
test_proto_LIBS := common
test_proto_LDLIBS := -lcriterion
