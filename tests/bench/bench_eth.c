/* The speed of the consensus engine on the mainnet genesis state (21,063 validators) and on the same with 500,000. What is
 * compared alternates within each sample, so that a change of the machine's clock meets all of it; times are the
 * thread's own. Prints tables, and writes them as JSON to the file named by -o. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "procs/eth/eth_file.h"
#include "procs/eth/sha256.h"
#include "procs/eth/transition.h"
#include "procs/eth/types.h"
#include "tests/bench/table.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SAMPLES 9
#define GENESIS_HASHES 278906 /* of a full root of the genesis state */

static struct table *table;
static struct eth_engine *engine;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int code, const char *what)
{
	if (!code)
		return;
	fprintf(stderr, "bench_eth: %s: %s\n", what, code == -1 ? "failed" : eth_strerror(code));
	exit(1);
}

static void *memory(size_t n)
{
	void *p = aligned_alloc(64, (n + 63) / 64 * 64);

	must(p ? 0 : ETH_ERR_MEMORY, "memory");
	memset(p, 0, n); /* faulted in now, not while something is timed */
	return p;
}

/* A state and room for copies of it. */
struct subject {
	const char *name;
	struct eth_state *base, *work;
	size_t bytes;
};

static void reset(struct subject *s)
{
	memcpy(s->work, s->base, eth_state_size(s->base));
	must(eth_state_adopt(s->work, s->bytes), "adopt");
}

static const struct eth_headroom room = {
	.validators = 64, .historical_roots = 16, .trees = true, .attestation_bytes = 4 << 20};

static struct eth_state *decode(const void *ssz, size_t n, const struct eth_headroom *h, size_t *bytes)
{
	must(eth_state_footprint(ETH_MAINNET, ssz, n, h, bytes), "footprint");
	struct eth_state *s = memory(*bytes);
	must(eth_state_from_ssz(s, *bytes, ETH_MAINNET, ssz, n, h), "from_ssz");
	return s;
}

/* The serialized state with its validators repeated under other keys until there are `want`. */
static uint8_t *enlarge(const uint8_t *ssz, size_t n, uint64_t want, size_t *size)
{
	const struct ssz_type *t = eth_type(ETH_MAINNET, ETH_BeaconState);
	struct ssz_view v = {t, ssz, n};
	int validators = ssz_field_index(t, "validators"), balances = ssz_field_index(t, "balances");
	uint64_t have = ssz_length(ssz_field(v, (unsigned)validators));
	uint8_t *out = memory(n + want * 129), *p = out + t->fixed;

	memcpy(out, ssz, t->fixed);
	for (uint32_t i = 0; i < t->fields; i++) {
		struct ssz_view f = ssz_field(v, i);
		uint32_t at = (uint32_t)(p - out);

		if (f.type->size)
			continue;
		memcpy(out + t->field[i].at, &at, 4);
		if ((int)i != validators && (int)i != balances) {
			memcpy(p, f.p, f.n);
			p += f.n;
			continue;
		}
		for (uint64_t k = 0; k < want; k++, p += f.type->elem->size) {
			memcpy(p, f.p + k % have * f.type->elem->size, f.type->elem->size);
			if ((int)i == validators && k >= have)
				memcpy(p + 8, &k, sizeof(k));
		}
	}
	*size = (size_t)(p - out);
	return out;
}

/* One attestation of a whole committee as it is serialized; returns its bytes. */
static size_t put_attestation(uint8_t *out, struct eth_state *s, uint64_t slot, uint64_t index)
{
	struct ssz_attestation *a = (struct ssz_attestation *)out;
	uint64_t epoch = slot / 32;
	bool current = epoch == s->slot / 32;
	const uint8_t *target = eth_block_root_at(s, epoch * 32);
	struct eth_committee c;

	must(eth_beacon_committee(engine, s, slot, index, &c), "committee");
	memset(a, 0, sizeof(*a));
	a->aggregation_bits_at = sizeof(*a);
	a->data.slot = slot;
	a->data.index = index;
	memcpy(a->data.beacon_block_root, eth_block_root_at(s, slot), 32);
	a->data.source = current ? s->current_justified_checkpoint : s->previous_justified_checkpoint;
	a->data.target.epoch = epoch;
	memcpy(a->data.target.root, target, 32);
	memset(out + sizeof(*a), 0xff, c.n / 8);
	out[sizeof(*a) + c.n / 8] = (uint8_t)((1u << (c.n % 8 + 1)) - 1);
	return sizeof(*a) + c.n / 8 + 1;
}

/* Adds attestations of all committees of the slots [from, to). */
static void attest(struct eth_state *s, uint64_t from, uint64_t to)
{
	static uint8_t bytes[1024];
	struct eth_shuffling sh;

	for (uint64_t slot = from; slot < to; slot++) {
		must(eth_shuffling(engine, s, slot / 32, &sh), "shuffling");
		for (uint64_t i = 0; i < sh.committees_per_slot; i++) {
			struct ssz_view v = {eth_type(ETH_MAINNET, ETH_Attestation), bytes, 0};

			v.n = put_attestation(bytes, s, slot, i);
			must(eth_process_attestation(engine, s, v, ETH_SKIP_BLS), "attestation");
		}
	}
}

static struct subject subject(const char *name, const uint8_t *ssz, size_t n)
{
	struct subject s = {.name = name};
	uint8_t root[32];

	s.base = decode(ssz, n, &room, &s.bytes);
	s.work = memory(s.bytes);
	eth_state_root_cached(s.base, root);
	return s;
}

/* The state at the last slot of epoch 1, all of two epochs attested: what an epoch transition reads. */
static void to_epoch_end(struct subject *s)
{
	uint8_t root[32];

	must(eth_process_slots(engine, s->base, 32), "slots");
	attest(s->base, 0, 32);
	for (uint64_t slot = 33; slot < 64; slot++) {
		must(eth_process_slots(engine, s->base, slot), "slots");
		attest(s->base, slot - 1, slot);
	}
	eth_state_root_cached(s->base, root);
}

static void add(const char *bench, const char *contender, const char *unit, double value)
{
	table_add(table, bench, contender, "any", unit, false, value);
}

/* Hashes that the engine makes, counted by the linker's --wrap: the floor of what is timed is the kernel with as many. */
static size_t hashes;

void __real_eth_sha256_pairs(void *out, const void *in, size_t n);
void __real_eth_sha256_pair(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]);
void __real_eth_sha256_short(void *out, const void *blocks, size_t n);
void __wrap_eth_sha256_pairs(void *out, const void *in, size_t n);
void __wrap_eth_sha256_pair(uint8_t out[32], const uint8_t left[32], const uint8_t right[32]);
void __wrap_eth_sha256_short(void *out, const void *blocks, size_t n);

void __wrap_eth_sha256_pairs(void *out, const void *in, size_t n)
{
	hashes += n;
	__real_eth_sha256_pairs(out, in, n);
}

void __wrap_eth_sha256_pair(uint8_t out[32], const uint8_t left[32], const uint8_t right[32])
{
	hashes++;
	__real_eth_sha256_pair(out, left, right);
}

void __wrap_eth_sha256_short(void *out, const void *blocks, size_t n)
{
	hashes += n;
	__real_eth_sha256_short(out, blocks, n);
}

/* The kernel alone with n hashes of 64 bytes; `per` is the unit in ns, times how often n was done. */
static void add_floor(const char *bench, const char *unit, size_t n, double per)
{
	enum { N = 2048 };
	static uint8_t in[64 * N], out[32 * N];
	double t = now();

	for (size_t left = n; left; left -= left < N ? left : N)
		__real_eth_sha256_pairs(out, in, left < N ? left : N);
	add(bench, "floor-as many hashes alone", unit, (now() - t) / per);
}

#ifdef __x86_64__
/* What SHA-NI's unit can do at best: the 64 sha256rnds2 of a hash of 64 bytes, n times, without anything else. Four
 * independent chains hide the instruction's latency. */
__attribute__((target("sha,sse4.1"))) static void rounds_alone(size_t n)
{
	__m128i k = _mm_set1_epi32(7), c = _mm_set1_epi32(9), a0 = k, a1 = c, a2 = k, a3 = c;

	for (size_t i = 0; i < 16 * n; i++) {
		a0 = _mm_sha256rnds2_epu32(a0, c, k);
		a1 = _mm_sha256rnds2_epu32(a1, c, k);
		a2 = _mm_sha256rnds2_epu32(a2, c, k);
		a3 = _mm_sha256rnds2_epu32(a3, c, k);
		/* Every round counts as used. */
		__asm__ volatile("" : "+x"(a0), "+x"(a1), "+x"(a2), "+x"(a3));
	}
}
#endif

static void bench_sha256(void)
{
	enum { N = 2048 };
	uint8_t *in = memory(64 * N), *out = memory(32 * N);
	static const uint8_t pad[64] = {0x80, [62] = 2};

	for (int i = 0; i < SAMPLES; i++) {
		double t = now();

		for (int k = 0; k < N; k++) {
			SHA256_CTX c;

			SHA256_Init(&c);
			SHA256_Transform(&c, in + 64 * k);
			SHA256_Transform(&c, pad);
			memcpy(out, c.h, 32);
		}
		add("hash of 64 bytes", "openssl SHA256_Transform x 2", "ns", (now() - t) / N);
		for (int k = 0; k < ETH_SHA256_KERNELS; k++) {
			if (!eth_sha256_usable(k))
				continue;
			t = now();
			eth_sha256_pairs_with(k, out, in, N);
			add("hash of 64 bytes", eth_sha256_kernel_name(k), "ns", (now() - t) / N);
		}
#ifdef __x86_64__
		if (eth_sha256_usable(ETH_SHA256_SHANI)) {
			t = now();
			rounds_alone(N);
			add("hash of 64 bytes", "sha-ni's rounds alone", "ns", (now() - t) / N);
		}
#endif
	}
	table_print(table, "hash of 64 bytes", NULL);
	free(in);
	free(out);
}

static void bench_full_root(const struct subject *s)
{
	enum { N = 2048 };
	uint8_t *in = memory(64 * N), *out = memory(32 * N), root[32];

	for (int i = 0; i < SAMPLES; i++) {
		double t = now();

		for (int k = 0; k < GENESIS_HASHES / N; k++)
			eth_sha256_pairs(out, in, N);
		eth_sha256_pairs(out, in, GENESIS_HASHES % N);
		add("full root, mainnet genesis", "floor-as many hashes alone", "ms", (now() - t) / 1e6);
		t = now();
		eth_state_root(s->base, root);
		add("full root, mainnet genesis", "eth_state_root", "ms", (now() - t) / 1e6);
	}
	table_print(table, "full root, mainnet genesis", NULL);
	free(in);
	free(out);
}

static void bench_copy(struct subject *s)
{
	const struct eth_headroom plain = {.attestation_bytes = 1 << 20};
	uint64_t size = eth_state_size(s->base);
	struct eth_state *bare = memory(s->bytes), *to = memory(s->bytes);
	uint8_t root[32];
	char name[64];

	must(eth_state_regrow(bare, s->bytes, s->base, &plain), "regrow");
	snprintf(name, sizeof(name), "copy, %s", s->name);
	for (int i = 0; i < SAMPLES; i++) {
		double t = now();

		memcpy(to, s->base, size);
		add(name, "floor-memcpy, with trees", "us", (now() - t) / 1e3);
		t = now();
		memcpy(to, s->base, size);
		must(eth_state_adopt(to, s->bytes), "adopt");
		add(name, "copy and adopt, with trees", "us", (now() - t) / 1e3);
		t = now();
		memcpy(to, bare, eth_state_size(bare));
		must(eth_state_adopt(to, s->bytes), "adopt");
		add(name, "copy and adopt, no trees", "us", (now() - t) / 1e3);
		t = now();
		must(eth_state_regrow(to, s->bytes, bare, &room), "regrow");
		eth_state_root_cached(to, root);
		add(name, "trees built by the receiver", "us", (now() - t) / 1e3);
	}
	table_print(table, name, NULL);
	printf("%s: block of %.1f MB with trees, %.1f MB without\n", s->name, (double)size / 1e6,
	       (double)eth_state_size(bare) / 1e6);
	free(bare);
	free(to);
}

static void bench_slots(struct subject *s)
{
	uint8_t root[32];
	char empty[64], full[64];

	snprintf(empty, sizeof(empty), "empty slot, %s", s->name);
	snprintf(full, sizeof(full), "slot, 128 attestations, %s", s->name);
	for (int i = 0; i < SAMPLES; i++) {
		reset(s);
		hashes = 0;
		double t = now();
		must(eth_process_slots(engine, s->work, s->work->slot + 20), "slots");
		eth_state_root_cached(s->work, root);
		add(empty, "process_slots and root", "us", (now() - t) / 20e3);
		add_floor(empty, "us", hashes, 20e3);

		uint64_t n = 0;
		static uint8_t bytes[1024];
		for (uint64_t slot = s->work->slot - 10; n < 128; n++) {
			struct ssz_view v = {eth_type(ETH_MAINNET, ETH_Attestation), bytes, 0};

			v.n = put_attestation(bytes, s->work, slot, n % 5);
			must(eth_process_attestation(engine, s->work, v, ETH_SKIP_BLS), "attestation");
			slot += n % 13 == 12;
		}
		hashes = 0;
		t = now();
		must(eth_process_slots(engine, s->work, s->work->slot + 1), "slots");
		eth_state_root_cached(s->work, root);
		add(full, "process_slots and root", "us", (now() - t) / 1e3);
		add_floor(full, "us", hashes, 1e3);
	}
	table_print(table, empty, NULL);
	table_print(table, full, NULL);
}

static void bench_epoch(struct subject *s)
{
	uint8_t root[32];
	char name[64];

	snprintf(name, sizeof(name), "epoch transition, %s", s->name);
	for (int i = 0; i < SAMPLES; i++) {
		reset(s);
		hashes = 0;
		double t = now();
		must(eth_process_epoch(engine, s->work), "epoch");
		double middle = now();
		eth_state_root_cached(s->work, root);
		add(name, "process_epoch", "ms", (middle - t) / 1e6);
		add(name, "its root", "ms", (now() - middle) / 1e6);
		add(name, "both", "ms", (now() - t) / 1e6);
		add_floor(name, "ms", hashes, 1e6);
		t = now();
		s->work->slot++;
		struct eth_shuffling sh;
		must(eth_shuffling(engine, s->work, s->work->slot / 32 + 1, &sh), "shuffling");
		if (i == 0)
			add(name, "shuffling of the next epoch", "ms", (now() - t) / 1e6);
	}
	table_print(table, name, NULL);
}

/* A block with 128 attestations at the slot after the state's; nothing in it is signed. */
static struct ssz_view full_block(struct subject *s)
{
	static uint8_t block[200000];
	struct ssz_signed_beacon_block *b = (struct ssz_signed_beacon_block *)block;
	struct ssz_beacon_block *m = (struct ssz_beacon_block *)(b + 1);
	struct ssz_beacon_block_body *body = (struct ssz_beacon_block_body *)(m + 1);
	uint32_t *offset = (uint32_t *)(body + 1);
	uint8_t *p = (uint8_t *)(offset + 128);
	uint64_t proposer;

	reset(s);
	must(eth_process_slots(engine, s->work, s->work->slot + 1), "slots");
	b->message_at = sizeof(*b);
	m->slot = s->work->slot;
	must(eth_proposer_index(engine, s->work, m->slot, &proposer), "proposer");
	m->proposer_index = proposer;
	memcpy(m->parent_root, eth_block_root_at(s->work, m->slot - 1), 32);
	m->body_at = sizeof(*m);
	body->eth1_data = s->work->eth1_data;
	body->proposer_slashings_at = body->attester_slashings_at = body->attestations_at = sizeof(*body);
	for (uint32_t i = 0; i < 128; i++) {
		uint32_t at = (uint32_t)(p - (uint8_t *)offset);

		memcpy(&offset[i], &at, 4);
		p += put_attestation(p, s->work, m->slot - 1 - i / 5, i % 5);
	}
	body->deposits_at = body->voluntary_exits_at = (uint32_t)(p - (uint8_t *)body);
	struct ssz_view v = {eth_type(ETH_MAINNET, ETH_SignedBeaconBlock), block, (size_t)(p - block)};
	must(ssz_check(v.type, v.p, v.n, NULL), "block");
	return v;
}

static void bench_block(struct subject *s)
{
	struct ssz_view block = full_block(s), message = ssz_field(block, 0);
	uint8_t root[32];
	char name[64];

	snprintf(name, sizeof(name), "block, 128 att., no BLS, %s", s->name);
	for (int i = 0; i < SAMPLES; i++) {
		reset(s);
		must(eth_process_slots(engine, s->work, s->work->slot + 1), "slots");
		hashes = 0;
		double t = now();
		must(ssz_check(block.type, block.p, block.n, NULL), "block");
		double checked = now();
		must(eth_process_block(engine, s->work, message, ETH_SKIP_BLS), "block");
		double processed = now();
		eth_state_root_cached(s->work, root);
		add(name, "ssz_check", "us", (checked - t) / 1e3);
		add(name, "process_block", "us", (processed - checked) / 1e3);
		add(name, "all, with the state root", "us", (now() - t) / 1e3);
		add_floor(name, "us", hashes, 1e3);
	}
	table_print(table, name, NULL);
}

int main(int argc, char **argv)
{
	const char *vectors = getenv("VECTORS"), *out = NULL;
	struct eth_config config = eth_config_default(ETH_MAINNET);
	struct eth_file f;
	char path[512];
	size_t large;

	if (argc == 3 && !strcmp(argv[1], "-o"))
		out = argv[2];
	else if (argc != 1) {
		fprintf(stderr, "usage: bench_eth [-o FILE]\n");
		return 100;
	}
	snprintf(path, sizeof(path), "%s/mainnet-genesis.ssz_snappy",
		 vectors ? vectors : "../shared/vectors");
	must(eth_file_read(path, ETH_FILE_LIMIT, &f, NULL), path);
	table = table_new();
	engine = eth_engine_new(&config);
	must(table && engine ? 0 : ETH_ERR_MEMORY, "engine");
	bench_sha256();

	struct subject s = subject("21k validators", f.p, f.n);
	bench_full_root(&s);
	bench_copy(&s);
	to_epoch_end(&s);
	bench_epoch(&s);
	/* Into the epoch, so that slots and blocks after it stay in it. */
	must(eth_process_slots(engine, s.base, 64), "slots");
	attest(s.base, 32, 64);
	must(eth_process_slots(engine, s.base, 64 + 8), "slots");
	bench_slots(&s);
	must(eth_process_slots(engine, s.base, 64 + 27), "slots");
	bench_block(&s);
	printf("engine: %.1f MB of caches at %s\n", (double)eth_engine_bytes(engine) / 1e6, s.name);

	uint8_t *ssz = enlarge(f.p, f.n, 500000, &large);
	struct subject l = subject("500k validators", ssz, large);
	free(ssz);
	bench_copy(&l);
	to_epoch_end(&l);
	bench_epoch(&l);
	must(eth_process_slots(engine, l.base, 64 + 8), "slots");
	bench_slots(&l);
	return table_save(table, "bench_eth", out) ? 0 : 1;
}
