#include "procs/common/proto.h"

const char *proto_type_name(unsigned type)
{
	switch (type) {
#define X(id, number, name) \
	case id:            \
		return name;
		PROTO_TYPES(X)
#undef X
	}
	return "unknown";
}

const char *proto_answer_name(unsigned answer)
{
	switch (answer) {
	case PROTO_VALID:
		return "valid";
	case PROTO_INVALID:
		return "invalid";
	case PROTO_UNDECIDED:
		return "undecided";
	}
	return "unknown";
}

const char *proto_reason_text(unsigned reason)
{
	switch (reason) {
#define X(id, number, text) \
	case id:            \
		return text;
		PROTO_REASONS(X)
#undef X
	}
	return "unknown";
}
