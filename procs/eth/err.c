#include "procs/eth/err.h"

const char *eth_strerror(int code)
{
	switch (code) {
	case ETH_OK:
		return "no error";
#define X(name, text) \
	case name:    \
		return text;
		ETH_ERRORS(X)
#undef X
	}
	return "unknown error";
}

const char *eth_errname(int code)
{
	switch (code) {
	case ETH_OK:
		return "ETH_OK";
#define X(name, text) \
	case name:    \
		return #name;
		ETH_ERRORS(X)
#undef X
	}
	return "unknown";
}
