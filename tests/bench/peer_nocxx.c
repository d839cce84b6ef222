// In the place of the C++ peers where there is no C++ compiler.
#include "tests/bench/bench.h"

static const struct contender boost[] = {
	{.name = "boost-spsc", .package = "g++ libboost-dev", .missing = "no C++ compiler"}};
static const struct contender rwq[] = {{.name = "readerwriterqueue",
					.package = "g++ libreaderwriterqueue-dev",
					.missing = "no C++ compiler"}};
static const struct contender iceoryx[] = {
	{.name = "iceoryx", .package = "g++ libiceoryx-posh-dev iceoryx", .missing = "no C++ compiler"}};

const struct family family_boost = {boost, 1};
const struct family family_rwq = {rwq, 1};
const struct family family_iceoryx = {iceoryx, 1};
