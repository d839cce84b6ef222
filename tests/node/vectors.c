#include "tests/node/vectors.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "procs/common/cases.h"
#include "procs/common/trail.h"
#include "procs/eth/eth_file.h"

const char *vectors_dir(void)
{
	const char *dir = getenv("VECTORS"), *ci = getenv("CI");
	char path[4096];

	if (!dir)
		dir = "../shared/vectors";
	snprintf(path, sizeof(path), "%s/%s", dir, CASES_ARCHIVE);
	if (access(path, R_OK)) {
		if (ci && !strcmp(ci, "true"))
			cr_assert_fail("%s is missing; VECTORS names its folder", path);
		cr_skip_test("%s is missing; VECTORS names its folder", path);
	}
	return dir;
}

void *vectors_state(size_t *bytes, size_t *used)
{
	char path[4096];
	struct eth_file f;
	size_t need, room;
	void *memory;

	snprintf(path, sizeof(path), "%s/mainnet-genesis.ssz_snappy", vectors_dir());
	cr_assert_eq(eth_file_read(path, 1u << 28, &f, NULL), 0, "%s cannot be read", path);
	cr_assert_eq(eth_state_footprint(ETH_MAINNET, f.p, f.n, NULL, &need), 0);
	*bytes = TRAIL_STATE_AT + (need + 4096) / 4096 * 4096;
	memory = aligned_alloc(ETH_STATE_ALIGN, *bytes);
	cr_assert_not_null(memory);
	void *place = trail_state_room(memory, *bytes, &room);
	cr_assert_eq(eth_state_from_ssz(place, room, ETH_MAINNET, f.p, f.n, NULL), 0);
	*used = trail_seal(memory, *bytes);
	cr_assert_gt(*used, f.n);
	free(f.p);
	return memory;
}
