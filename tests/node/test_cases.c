#include "procs/common/cases.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "procs/common/proto.h"
#include "procs/eth/containers.h"
#include "procs/eth/ssz.h"
#include "procs/eth/types.h"
#include "tests/node/vectors.h"

#define MESSAGE_AT sizeof(struct ssz_signed_beacon_block)
#define ROUNDS 800 // more than the bits of a signature

static struct cases *open_cases(void)
{
	struct cases *c;
	char why[256];
	cr_assert_eq(cases_open(&c, vectors_dir(), why), 0, "%s", why);
	return c;
}

static uint64_t proposer(const uint8_t *block)
{
	uint64_t v;
	memcpy(&v, block + MESSAGE_AT + offsetof(struct ssz_beacon_block, proposer_index), sizeof(v));
	return v;
}

// Exactly the malformed ones fail the check of their type, however they were made.
Test(cases, ssz)
{
	const struct ssz_type *type = eth_type(ETH_MAINNET, ETH_SignedBeaconBlock);
	struct cases *c = open_cases();
	uint8_t p[CASES_BLOCK_MAX];

	for (uint64_t n = 0; n < 16 * CASES_PERIOD; n++) {
		size_t len = cases_block(c, n, p, sizeof(p));
		cr_assert_gt(len, 0);
		int rc = ssz_check(type, p, len, NULL);
		cr_assert_eq(rc != 0, cases_kind(n) == CASE_MALFORMED, "request %lu, %s: %s",
			     (unsigned long)n, cases_kind_text(cases_kind(n)), eth_strerror(rc));
	}
	cases_close(c);
}

// What a case changes is what its name says, and nothing else.
Test(cases, variants)
{
	struct cases *c = open_cases();
	uint8_t good[3][CASES_BLOCK_MAX], p[CASES_BLOCK_MAX], again[CASES_BLOCK_MAX];
	size_t good_len[3], len;
	bool flipped[96 * 8] = {false};

	for (unsigned n = 0; n < CASES_PERIOD; n++)
		if (cases_kind(n) == CASE_VALID)
			good_len[n % 3] = cases_block(c, n, good[n % 3], CASES_BLOCK_MAX);
	for (uint64_t n = 0; n < (uint64_t)ROUNDS * CASES_PERIOD; n++) {
		enum case_kind kind = cases_kind(n);
		const uint8_t *orig = good[n % 3];
		bool same_signature, same_proposer;

		len = cases_block(c, n, p, sizeof(p));
		cr_assert_eq(cases_block(c, n, again, sizeof(again)), len);
		cr_assert_arr_eq(p, again, len);
		if (kind == CASE_GENESIS || kind == CASE_MALFORMED)
			continue;
		cr_assert_eq(len, good_len[n % 3]);
		same_signature = !memcmp(p + 4, orig + 4, 96);
		same_proposer = proposer(p) == proposer(orig);
		cr_assert_eq(same_signature, kind == CASE_VALID || kind == CASE_OTHER_PROPOSER ||
						     kind == CASE_BEYOND_REGISTRY);
		cr_assert_eq(same_proposer, kind != CASE_OTHER_PROPOSER && kind != CASE_BEYOND_REGISTRY);
		cr_assert_eq(proposer(p) >= CASES_REGISTRY, kind == CASE_BEYOND_REGISTRY);
		cr_assert_arr_eq(p + MESSAGE_AT + 16, orig + MESSAGE_AT + 16, len - MESSAGE_AT - 16);
		if (kind != CASE_SIGNATURE_BIT)
			continue;
		for (unsigned bit = 0, cnt = 0; bit < 96 * 8; bit++)
			if ((p[4 + bit / 8] ^ orig[4 + bit / 8]) >> bit % 8 & 1) {
				flipped[bit] = true;
				cr_assert_eq(++cnt, 1, "one bit is flipped");
			}
	}
	for (unsigned bit = 0; bit < 96 * 8; bit++)
		cr_assert(flipped[bit], "bit %u was never flipped", bit);
	cases_close(c);
}

Test(cases, expectations)
{
	unsigned valid = 0;

	for (uint64_t n = 0; n < CASES_PERIOD; n++) {
		unsigned right = 0;
		for (unsigned reason = 0; reason < 40; reason++)
			for (unsigned answer = 0; answer < 5; answer++) {
				bool ok = cases_expect(n, answer, reason);
				right += ok;
				cr_assert(!ok || (answer == PROTO_VALID) == (reason == PROTO_OK));
				cr_assert(!ok || answer == PROTO_VALID || answer == PROTO_INVALID);
			}
		cr_assert_eq(right, cases_kind(n) == CASE_SIGNATURE_BIT ? 2 : 1);
		valid += cases_expect(n, PROTO_VALID, PROTO_OK);
	}
	cr_assert_eq(valid, 21);
}

Test(cases, room)
{
	struct cases *c = open_cases();
	uint8_t p[CASES_BLOCK_MAX];
	size_t len = cases_block(c, 0, p, sizeof(p));

	cr_assert_eq(cases_block(c, 0, p, len + 1), len);
	cr_assert_eq(cases_block(c, 0, p, len), 0, "a byte is kept for the longest variant");
	cr_assert_eq(cases_block(c, 0, p, 0), 0);
	cases_close(c);
}

static void refuse(const char *dir, const char *says)
{
	struct cases *c = (void *)1;
	char why[256] = "";

	cr_assert_eq(cases_open(&c, dir, why), -1);
	cr_assert_null(c);
	cr_assert_not_null(strstr(why, CASES_ARCHIVE), "'%s' names the file", why);
	cr_assert_not_null(strstr(why, says), "'%s' says '%s'", why, says);
	cr_assert_null(strchr(why, '\n'));
}

// Copies the first `bytes` bytes of the archive to a folder of its own and refuses that.
static void refuse_cut(size_t bytes)
{
	char dir[] = "/tmp/test_cases.XXXXXX", from[4096], to[4096];
	static uint8_t data[1 << 16];
	FILE *f;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(from, sizeof(from), "%s/" CASES_ARCHIVE, vectors_dir());
	snprintf(to, sizeof(to), "%s/" CASES_ARCHIVE, dir);
	f = fopen(from, "rb");
	cr_assert_not_null(f);
	cr_assert_geq(fread(data, 1, sizeof(data), f), bytes);
	fclose(f);
	f = fopen(to, "wb");
	cr_assert_not_null(f);
	cr_assert_eq(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
	refuse(dir, "");
	unlink(to);
	rmdir(dir);
}

Test(cases, refusals)
{
	refuse("/nonexistent/vectors", "No such file");
	refuse_cut(0);
	refuse_cut(1);
	refuse_cut(100);
	refuse_cut(3000);
	refuse_cut(6000);
}
