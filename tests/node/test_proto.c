#include "procs/common/proto.h"

#include <criterion/criterion.h>
#include <string.h>

Test(proto, abi)
{
	cr_assert_eq(PROTO_IS_VALID_BLOCK, 1);
	cr_assert_eq(PROTO_VERDICT, 2);
	cr_assert_eq(PROTO_GET_TRAIL, 3);
	cr_assert_eq(PROTO_STATE_TRAIL, 4);
	cr_assert_eq(PROTO_TALLY_TWICE, 4, "order of the tally in the topology");
	cr_assert_eq(proto_request_corr(0), 1, "0 is no correlation id");
}

Test(proto, names)
{
	cr_assert_str_eq(proto_type_name(PROTO_IS_VALID_BLOCK), "isValidBeaconBlockP2PEx");
	cr_assert_str_eq(proto_type_name(PROTO_GET_TRAIL), "getReplayStateTrail");
	cr_assert_str_eq(proto_type_name(77), "unknown");
	cr_assert_str_eq(proto_answer_name(PROTO_VALID), "valid");
	cr_assert_str_eq(proto_answer_name(0), "unknown");
	cr_assert_str_eq(proto_reason_text(PROTO_OK), "valid");
	cr_assert_str_eq(proto_reason_text(1000), "unknown");
}

Test(proto, reasons_fit_a_set)
{
#define X(id, number, text) cr_assert_lt(number, 32);
	PROTO_REASONS(X)
#undef X
}
