/* ethereum/bls12-381-tests: {input, output} of each kind, as JSON and as YAML; both are run. */
#include "procs/eth/bls/bls.h"
#include "procs/ncli/run.h"
#include "procs/ncli/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define KEYS_MAX 64

/* One case being run: its input, its expected output, and what the decoded parts go to. */
struct bls_case {
	struct ncli_case *c;
	struct ncli_yaml y;
	yaml_node_t *input, *output;
	struct bls_pubkey key[KEYS_MAX];
	const struct bls_pubkey *keys[KEYS_MAX];
	struct bls_signature signature[KEYS_MAX];
	uint8_t *message[KEYS_MAX];
	size_t length[KEYS_MAX];
};

/* Any number of bytes of hex. */
static uint8_t *bytes_of(struct bls_case *b, const yaml_node_t *node, size_t *n)
{
	const char *text = ncli_yaml_text(node);
	uint8_t *p;

	*n = text && strlen(text) >= 2 ? (strlen(text) - 2) / 2 : 0;
	p = ncli_case_alloc(b->c, *n + 1);
	if (p && !ncli_unhex(text, p, *n)) {
		ncli_case_fail(b->c, "input has a member that is no hex");
		return NULL;
	}
	return p;
}

static int key_of(struct bls_case *b, const yaml_node_t *node, size_t i)
{
	size_t n;
	const uint8_t *p = bytes_of(b, node, &n);

	b->keys[i] = &b->key[i];
	return p ? bls_pubkey_from_bytes(&b->key[i], p, n) : BLS_ARGUMENT;
}

static int signature_of(struct bls_case *b, const yaml_node_t *node, size_t i)
{
	size_t n;
	const uint8_t *p = bytes_of(b, node, &n);

	return p ? bls_signature_from_bytes(&b->signature[i], p, n) : BLS_ARGUMENT;
}

static int message_of(struct bls_case *b, const yaml_node_t *node, size_t i)
{
	b->message[i] = bytes_of(b, node, &b->length[i]);
	return b->message[i] ? BLS_OK : BLS_ARGUMENT;
}

static yaml_node_t *in(struct bls_case *b, const char *name)
{
	return ncli_yaml_get(&b->y, b->input, name);
}

/* All elements of a list; the first code that is not BLS_OK. */
static int all(struct bls_case *b, const yaml_node_t *list,
	       int (*one)(struct bls_case *, const yaml_node_t *, size_t), size_t *n)
{
	int rc = BLS_OK;

	*n = ncli_yaml_length(list);
	if (*n > KEYS_MAX)
		return ncli_case_fail(b->c, "has more than %d keys", KEYS_MAX), BLS_ARGUMENT;
	for (size_t i = 0; i < *n && rc == BLS_OK; i++)
		rc = one(b, ncli_yaml_at(&b->y, list, i), i);
	return rc;
}

/* The expected output is true exactly where `rc` is BLS_OK. */
static bool verdict(struct bls_case *b, int rc)
{
	const char *want = ncli_yaml_text(b->output);

	if (b->c->why[0])
		return false;
	if (!want)
		return ncli_case_fail(b->c, "output is no scalar");
	return !strcmp(want, "true") == (rc == BLS_OK) ||
	       ncli_case_fail(b->c, "answer is '%s', expected %s", bls_strerror(rc), want);
}

static bool is_null(const yaml_node_t *node)
{
	const char *text = ncli_yaml_text(node);

	return text && (!*text || !strcmp(text, "null") || !strcmp(text, "~"));
}

/* The expected output is these bytes, or null where `rc` is not BLS_OK. */
static bool produced(struct bls_case *b, int rc, const uint8_t *got, size_t n)
{
	uint8_t want[BLS_SIGNATURE_BYTES];

	if (b->c->why[0])
		return false;
	if (rc != BLS_OK || is_null(b->output))
		return (rc != BLS_OK) == is_null(b->output) ||
		       ncli_case_fail(b->c, "answer is '%s', expected %.20s", bls_strerror(rc),
				      ncli_yaml_text(b->output));
	if (!ncli_yaml_bytes(b->output, want, n))
		return ncli_case_fail(b->c, "output is no hex of %zu bytes", n);
	return !memcmp(got, want, n) || ncli_case_fail(b->c, "signature differs");
}

static bool run_deserialization_g1(struct bls_case *b)
{
	int rc = key_of(b, in(b, "pubkey"), 0);

	/* As a point the identity decodes; as a key it is refused. */
	return verdict(b, rc == BLS_INFINITY ? BLS_OK : rc);
}

static bool run_deserialization_g2(struct bls_case *b)
{
	return verdict(b, signature_of(b, in(b, "signature"), 0));
}

static bool run_verify(struct bls_case *b)
{
	int rc = key_of(b, in(b, "pubkey"), 0);

	if (rc == BLS_OK)
		rc = message_of(b, in(b, "message"), 0);
	if (rc == BLS_OK)
		rc = signature_of(b, in(b, "signature"), 0);
	if (rc == BLS_OK)
		rc = bls_verify(b->keys[0], b->message[0], b->length[0], b->signature);
	return verdict(b, rc);
}

static bool run_sign(struct bls_case *b)
{
	uint8_t raw[BLS_SECRET_BYTES], out[BLS_SIGNATURE_BYTES] = {0};
	struct bls_secret secret;
	int rc = message_of(b, in(b, "message"), 0);

	if (!ncli_yaml_bytes(in(b, "privkey"), raw, sizeof(raw)))
		return ncli_case_fail(b->c, "privkey is no hex of 32 bytes");
	if (rc == BLS_OK)
		rc = bls_secret_from_bytes(&secret, raw);
	if (rc == BLS_OK) {
		bls_sign(b->signature, &secret, b->message[0], b->length[0]);
		bls_signature_to_bytes(out, b->signature);
	}
	return produced(b, rc, out, sizeof(out));
}

static bool run_aggregate(struct bls_case *b)
{
	uint8_t out[BLS_SIGNATURE_BYTES] = {0};
	struct bls_signature sum;
	size_t n;
	int rc = all(b, b->input, signature_of, &n);

	if (rc == BLS_OK)
		rc = bls_aggregate_signatures(&sum, b->signature, n);
	if (rc == BLS_OK)
		bls_signature_to_bytes(out, &sum);
	return produced(b, rc, out, sizeof(out));
}

static bool run_fast_aggregate_verify(struct bls_case *b)
{
	size_t n;
	int rc = all(b, in(b, "pubkeys"), key_of, &n);

	if (rc == BLS_OK)
		rc = message_of(b, in(b, "message"), 0);
	if (rc == BLS_OK)
		rc = signature_of(b, in(b, "signature"), 0);
	if (rc == BLS_OK)
		rc = bls_fast_aggregate_verify(b->keys, n, b->message[0], b->length[0], b->signature);
	return verdict(b, rc);
}

static bool run_aggregate_verify(struct bls_case *b)
{
	size_t n, messages = 0;
	int rc = all(b, in(b, "pubkeys"), key_of, &n);

	if (rc == BLS_OK)
		rc = all(b, in(b, "messages"), message_of, &messages);
	if (rc == BLS_OK && messages != n)
		return ncli_case_fail(b->c, "has %zu keys and %zu messages", n, messages);
	if (rc == BLS_OK)
		rc = signature_of(b, in(b, "signature"), 0);
	if (rc == BLS_OK)
		rc = bls_aggregate_verify(b->keys, (const void *const *)b->message, b->length, n,
					  b->signature);
	return verdict(b, rc);
}

static bool run_batch_verify(struct bls_case *b)
{
	struct bls_item item[KEYS_MAX];
	uint8_t seed[BLS_SEED_BYTES];
	size_t n, m, k, scratch;
	int rc = all(b, in(b, "pubkeys"), key_of, &n);

	if (rc == BLS_OK)
		rc = all(b, in(b, "messages"), message_of, &m);
	if (rc == BLS_OK)
		rc = all(b, in(b, "signatures"), signature_of, &k);
	if (rc != BLS_OK)
		return verdict(b, rc);
	if (m != n || k != n)
		return ncli_case_fail(b->c, "has %zu keys, %zu messages, %zu signatures", n, m, k);
	for (size_t i = 0; i < n; i++)
		item[i] = (struct bls_item){b->keys[i], &b->signature[i], b->message[i], b->length[i]};
	scratch = bls_batch_scratch(n);
	void *memory = ncli_case_alloc(b->c, scratch);

	if (!memory || getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return ncli_case_fail(b->c, "out of memory or of random bytes");
	return verdict(b, bls_batch_verify(item, n, seed, memory, scratch));
}

/* "0x…,0x…": the parts of a coordinate by u^0 and u^1. */
static bool coordinate(const char *text, uint8_t c0[48], uint8_t c1[48])
{
	char part[2][99] = {"", ""};

	return text && sscanf(text, "%98[0-9a-fx],%98[0-9a-fx]", part[0], part[1]) == 2 &&
	       ncli_unhex(part[0], c0, 48) && ncli_unhex(part[1], c1, 48);
}

/* Compared in compressed form: x, u^1 first, with a flag that says which of the two square roots y is. */
static bool run_hash_to_g2(struct bls_case *b)
{
	static const char tag[] = "QUUX-V01-CS02-with-BLS12381G2_XMD:SHA-256_SSWU_RO_";
	/* (p - 1) / 2 */
	static const char half[] = "0x0d0088f51cbff34d258dd3db21a5d66bb23ba5c279c2895fb39869507b587b12"
				   "0f55ffff58a9ffffdcff7fffffffd555";
	const char *message = ncli_yaml_text(in(b, "msg"));
	uint8_t want[BLS_SIGNATURE_BYTES], got[BLS_SIGNATURE_BYTES], y[2][48], middle[48];
	struct bls_signature point;

	if (!message || !coordinate(ncli_yaml_text(ncli_yaml_get(&b->y, b->output, "x")), want + 48, want) ||
	    !coordinate(ncli_yaml_text(ncli_yaml_get(&b->y, b->output, "y")), y[0], y[1]) ||
	    !ncli_unhex(half, middle, 48))
		return ncli_case_fail(b->c, "is not in the known form");
	want[0] |= 0x80 | (memcmp(y[1], middle, 48) > 0 ? 0x20 : 0);
	int rc = bls_hash_to_g2(&point, message, strlen(message), tag, sizeof(tag) - 1);

	if (rc != BLS_OK)
		return ncli_case_fail(b->c, "%s", bls_strerror(rc));
	bls_signature_to_bytes(got, &point);
	return !memcmp(got, want, sizeof(want)) || ncli_case_fail(b->c, "another point");
}

static const struct {
	const char *kind;
	bool (*run)(struct bls_case *);
} kinds[] = {
	{"aggregate", run_aggregate},
	{"aggregate_verify", run_aggregate_verify},
	{"batch_verify", run_batch_verify},
	{"deserialization_G1", run_deserialization_g1},
	{"deserialization_G2", run_deserialization_g2},
	{"fast_aggregate_verify", run_fast_aggregate_verify},
	{"hash_to_G2", run_hash_to_g2},
	{"sign", run_sign},
	{"verify", run_verify},
};

static bool run_form(struct ncli_case *c, const char *form, struct bls_case *b)
{
	char name[300];
	bool ok = false, known = false;

	snprintf(name, sizeof(name), "%s/%s/%s.%s", form, c->handler, c->name, form);
	*b = (struct bls_case){.c = c};
	if (!ncli_yaml_open(c, name, &b->y))
		return false;
	b->input = ncli_yaml_get(&b->y, b->y.root, "input");
	b->output = ncli_yaml_get(&b->y, b->y.root, "output");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].kind, c->handler)) {
			known = true;
			ok = b->input && b->output ? kinds[i].run(b)
						   : ncli_case_fail(c, "has no input or no output");
		}
	ncli_yaml_close(&b->y);
	return known ? ok : ncli_case_fail(c, "kind %s is not known", c->handler);
}

bool ncli_case_bls(struct ncli_case *c)
{
	struct bls_case *b = ncli_case_alloc(c, sizeof(*b));

	return b && run_form(c, "json", b) && run_form(c, "yaml", b);
}
