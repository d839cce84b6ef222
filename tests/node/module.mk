node_vectors := tests/node/vectors.c

TESTS += test_proto test_service test_cases test_trail test_judge
test_proto_SRC := tests/node/test_proto.c
test_proto_LIBS := common
test_proto_LDLIBS := -lcriterion
test_service_SRC := tests/node/test_service.c
test_service_LIBS := common shmchan
test_service_LDLIBS := -lcriterion
test_cases_SRC := tests/node/test_cases.c $(node_vectors)
test_cases_LIBS := common eth
test_cases_LDLIBS := -lcriterion
test_trail_SRC := tests/node/test_trail.c $(node_vectors)
test_trail_LIBS := common eth
test_trail_LDLIBS := -lcriterion
test_judge_SRC := tests/node/test_judge.c $(node_vectors)
test_judge_LIBS := rewinder common eth bls
test_judge_LDLIBS := -lcriterion -ljansson

SCRIPTS += $(addprefix tests/node/, \
	job.sh \
	orphans.sh \
	crash_points.sh \
	kills.sh \
	bad_input.sh \
)
