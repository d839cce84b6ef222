#include "procs/common/cases.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "procs/common/proto.h"
#include "procs/eth/containers.h"

// In the order of block number in a case: 0 to 2 are cycled through, the last is CASE_GENESIS's.
#define BLOCKS 4
#define GENESIS 3
static const char *const block_files[BLOCKS] = {"block_100.ssz", "block_101.ssz", "block_102.ssz",
						"block_0.ssz"};
static const uint64_t block_slots[BLOCKS] = {100, 101, 102, 0};

struct cases {
	struct {
		uint8_t p[CASES_BLOCK_MAX];
		size_t n;
	} block[BLOCKS];
};

// Coprime with the three blocks, so that CASES_PERIOD requests are all pairs.
static const enum case_kind kinds[] = {
	CASE_VALID, CASE_SIGNATURE_BIT,   CASE_VALID,     CASE_OTHER_PROPOSER,
	CASE_VALID, CASE_BEYOND_REGISTRY, CASE_VALID,     CASE_OTHER_SIGNATURE,
	CASE_VALID, CASE_UNDECODABLE,     CASE_VALID,     CASE_SIGNATURE_SIGN,
	CASE_VALID, CASE_IDENTITY,        CASE_MALFORMED, CASE_GENESIS,
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
_Static_assert(KINDS * 3 == CASES_PERIOD, "as in the header");

// What is mended at a case: places in a SignedBeaconBlock, whose two fixed-size parts follow each other.
#define SIGNATURE_AT offsetof(struct ssz_signed_beacon_block, signature)
#define MESSAGE_AT sizeof(struct ssz_signed_beacon_block)
#define SLOT_AT (MESSAGE_AT + offsetof(struct ssz_beacon_block, slot))
#define PROPOSER_AT (MESSAGE_AT + offsetof(struct ssz_beacon_block, proposer_index))
#define BODY_OFFSET_AT (MESSAGE_AT + offsetof(struct ssz_beacon_block, body_at))
#define BLOCK_MIN (MESSAGE_AT + sizeof(struct ssz_beacon_block) + sizeof(struct ssz_beacon_block_body))

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

// Reads the entry at hand if it is one of the blocks. 0, or -1 with the reason in why.
static int read_entry(struct cases *c, struct archive *a, struct archive_entry *e, char why[256])
{
	const char *name = archive_entry_pathname(e);

	for (unsigned i = 0; name && i < BLOCKS; i++) {
		if (strcmp(base_name(name), block_files[i]))
			continue;
		la_ssize_t n = archive_read_data(a, c->block[i].p, CASES_BLOCK_MAX);
		uint64_t slot;

		if (n < 0) {
			snprintf(why, 256, "%s: %s", block_files[i], archive_error_string(a));
			return -1;
		}
		if (n < (la_ssize_t)BLOCK_MIN || archive_entry_size(e) != n) {
			snprintf(why, 256, "%s: %lld bytes, a block of this set has %zu to %d",
				 block_files[i], (long long)archive_entry_size(e), BLOCK_MIN,
				 CASES_BLOCK_MAX);
			return -1;
		}
		memcpy(&slot, c->block[i].p + SLOT_AT, sizeof(slot));
		if (slot != block_slots[i]) {
			snprintf(why, 256, "%s: is not the block of that slot", block_files[i]);
			return -1;
		}
		c->block[i].n = n;
	}
	return 0;
}

static int read_archive(struct cases *c, struct archive *a, const char *path, char why[256])
{
	struct archive_entry *e;
	int rc;

	if (archive_read_open_filename(a, path, 65536) != ARCHIVE_OK) {
		snprintf(why, 256, "%s",
			 archive_errno(a) == ENOENT ? strerror(ENOENT) : archive_error_string(a));
		return -1;
	}
	while ((rc = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		if (read_entry(c, a, e, why))
			return -1;
	if (rc != ARCHIVE_EOF) {
		snprintf(why, 256, "%s", archive_error_string(a));
		return -1;
	}
	for (unsigned i = 0; i < BLOCKS; i++)
		if (!c->block[i].n) {
			snprintf(why, 256, "%s is not in it", block_files[i]);
			return -1;
		}
	return 0;
}

int cases_open(struct cases **out, const char *vectors, char why[256])
{
	char path[4096], reason[256] = "out of memory";
	struct cases *c = calloc(1, sizeof(*c));
	struct archive *a = archive_read_new();
	int rc = -1;

	*out = NULL;
	snprintf(path, sizeof(path), "%s/%s", vectors, CASES_ARCHIVE);
	if (c && a && archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
	    archive_read_support_format_tar(a) == ARCHIVE_OK)
		rc = read_archive(c, a, path, reason);
	archive_read_free(a);
	if (rc) {
		snprintf(why, 256, "%.180s: %.70s", path, reason);
		free(c);
		return -1;
	}
	*out = c;
	return 0;
}

void cases_close(struct cases *c)
{
	free(c);
}

enum case_kind cases_kind(uint64_t n)
{
	return kinds[n % KINDS];
}

const char *cases_kind_text(enum case_kind kind)
{
	switch (kind) {
#define X(id, text) \
	case id:    \
		return text;
		CASES_KINDS(X)
#undef X
	}
	return "unknown";
}

static void put_u64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, sizeof(v));
}

static uint64_t get_u64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static uint64_t beyond_registry(uint64_t round)
{
	switch (round % 4) {
	case 0:
		return CASES_REGISTRY; // the first that is not one
	case 1:
		return CASES_REGISTRY + round;
	case 2:
		return UINT64_C(1) << 63;
	default:
		return UINT64_MAX;
	}
}

// The flags of the 96 bytes are the top three bits of the first: compressed, identity, sign of y.
static void make_undecodable(uint8_t *signature, uint64_t round)
{
	switch (round % 4) {
	case 0: // coordinates not below the field's modulus
		memset(signature, 0xff, 96);
		signature[0] = 0x9f;
		break;
	case 1:
		signature[0] &= 0x7f; // not compressed, in 96 bytes
		break;
	case 2:
		signature[0] |= 0x40; // the identity, with a coordinate
		break;
	default:
		memset(signature, 0, 96);
	}
}

// Returns the new length; one byte more than n may be used.
static size_t make_malformed(uint8_t *block, size_t n, uint64_t round)
{
	switch (round % 4) {
	case 0:
		block[0]++; // first offset is not the end of the fixed-size part
		return n;
	case 1:
		block[BODY_OFFSET_AT + 3] = 0xff; // far behind the end
		return n;
	case 2:
		return n - 1; // ends before its last lists begin
	default:
		block[n] = 0; // a fraction of a voluntary exit
		return n + 1;
	}
}

size_t cases_block(const struct cases *c, uint64_t n, uint8_t *out, size_t room)
{
	enum case_kind kind = cases_kind(n);
	unsigned b = kind == CASE_GENESIS ? GENESIS : n % 3;
	uint64_t round = n / CASES_PERIOD;
	size_t len = c->block[b].n;
	uint8_t *signature = out + SIGNATURE_AT;

	if (len + 1 > room)
		return 0;
	memcpy(out, c->block[b].p, len);
	switch (kind) {
	case CASE_VALID:
	case CASE_GENESIS:
		break;
	case CASE_SIGNATURE_BIT: // 5 and 96 are coprime: every bit has its turn
		signature[round * 5 % 96] ^= 1 << ((round / 96 + round) % 8);
		break;
	case CASE_SIGNATURE_SIGN:
		signature[0] ^= 0x20;
		break;
	case CASE_OTHER_PROPOSER:
		put_u64(out + PROPOSER_AT,
			(get_u64(out + PROPOSER_AT) + 1 + n % (CASES_REGISTRY - 1)) % CASES_REGISTRY);
		break;
	case CASE_BEYOND_REGISTRY:
		put_u64(out + PROPOSER_AT, beyond_registry(round));
		break;
	case CASE_OTHER_SIGNATURE:
		memcpy(signature, c->block[(b + 1 + round % 2) % 3].p + SIGNATURE_AT, 96);
		break;
	case CASE_UNDECODABLE:
		make_undecodable(signature, round);
		break;
	case CASE_IDENTITY:
		memset(signature, 0, 96);
		signature[0] = 0xc0;
		break;
	case CASE_MALFORMED:
		return make_malformed(out, len, round);
	}
	return len;
}

bool cases_expect(uint64_t n, unsigned answer, unsigned reason)
{
	static const uint32_t reasons[] = {
		[CASE_VALID] = 1 << PROTO_OK,
		[CASE_SIGNATURE_BIT] = 1 << PROTO_POINT | 1 << PROTO_MISMATCH,
		[CASE_SIGNATURE_SIGN] = 1 << PROTO_MISMATCH,
		[CASE_OTHER_PROPOSER] = 1 << PROTO_MISMATCH,
		[CASE_BEYOND_REGISTRY] = 1 << PROTO_PROPOSER,
		[CASE_OTHER_SIGNATURE] = 1 << PROTO_MISMATCH,
		[CASE_UNDECODABLE] = 1 << PROTO_POINT,
		[CASE_IDENTITY] = 1 << PROTO_MISMATCH,
		[CASE_MALFORMED] = 1 << PROTO_MALFORMED,
		[CASE_GENESIS] = 1 << PROTO_SLOT,
	};
	enum case_kind kind = cases_kind(n);
	unsigned right = kind == CASE_VALID ? PROTO_VALID : PROTO_INVALID;

	return answer == right && reason < 32 && (reasons[kind] >> reason & 1);
}
