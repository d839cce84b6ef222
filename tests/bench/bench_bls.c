/* The speed of procs/eth/bls, all contenders in turn within each sample, so that a change of the machine's clock meets
 * all of them. Floors in the same run: one field multiplication of each contender, and the clock itself.
 * Times are the thread's own, so that a busy machine blurs them less. Prints a table and writes ${BUILD:-build}/bench/bls.json: {bench, contender, class, unit, median, min, max,
 * samples}. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "procs/eth/bls/fp.h"
#include "procs/eth/bls/batch.h"
#include "procs/eth/bls/engine.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define SAMPLES 15
#define SIGNERS 128
#define DISTINCT 8 /* messages of the block that is merged */
#define CONTENDERS_MAX 4
#define ROWS_MAX 96

struct row {
	const char *bench, *unit;
	const struct bls_engine *contender;
	double divisor; /* of the time of one call in ns, to the unit and to one of what it handles */
	void (*call)(const struct bls_engine *);
	int repeat;
	double sample[SAMPLES];
};

static struct row rows[ROWS_MAX];
static size_t rows_used;
static const struct bls_engine *contenders[CONTENDERS_MAX];
static size_t contenders_used;

/* The block: an attestation is signed by SIGNERS keys; the batch is of single signatures. */
static struct bls_secret secrets[SIGNERS];
static struct bls_pubkey keys[SIGNERS], sums[SIGNERS];
static const struct bls_pubkey *key_pointers[SIGNERS];
static uint8_t key_bytes[SIGNERS][48], signature_bytes[SIGNERS][96], block_bytes[SIGNERS][96];
static const uint8_t *key_byte_pointers[SIGNERS], *signature_byte_pointers[SIGNERS],
	*block_byte_pointers[2][SIGNERS];
static struct bls_signature signatures[SIGNERS], decoded[SIGNERS], committee;
static uint8_t messages[SIGNERS][32];
static struct bls_item items[SIGNERS], attestations[SIGNERS];
static const uint8_t seed[BLS_SEED_BYTES] = "the same factors in every run";
static void *scratch;
static volatile int sink;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "bench_bls: %s gave a wrong answer; its speed would mean nothing\n", what);
		exit(1);
	}
}

/* 3000 dependent multiplications of 3 cycles, on every x86-64 of the last fifteen years. */
static void run_clock(const struct bls_engine *e)
{
#if defined(__x86_64__)
	uint64_t x = 3;
	for (int i = 0; i < 300; i++)
		__asm__ volatile("imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\t"
				 "imul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0\n\timul %0, %0"
				 : "+r"(x));
#endif
}

static void run_fp_mul(const struct bls_engine *e)
{
	static struct fp x = FP_R2;
	struct fp y = x;
#if defined(__x86_64__)
	if (e != &bls_engine_portable) {
		for (int i = 0; i < 1000; i++)
			bls_fp_mul_adx(&y, &y, &x);
		x = y;
		return;
	}
#endif
	for (int i = 0; i < 1000; i++)
		fp_mul(&y, &y, &x);
	x = y;
}

static void run_verify(const struct bls_engine *e)
{
	must(e->verify(&keys[0], messages[0], 32, &signatures[0]) == BLS_OK, "verify");
}

static void run_verify_bytes(const struct bls_engine *e)
{
	struct bls_pubkey key;
	struct bls_signature signature;
	must(e->pubkey_from_bytes(&key, key_bytes[0]) == BLS_OK &&
		     e->signature_from_bytes(&signature, signature_bytes[0]) == BLS_OK &&
		     e->verify(&key, messages[0], 32, &signature) == BLS_OK,
	     "verify from bytes");
}

static void run_sign(const struct bls_engine *e)
{
	struct bls_signature signature;
	e->sign(&signature, &secrets[0], messages[0], 32);
	sink = (int)signature.x[0];
}

static void run_sk_to_pk(const struct bls_engine *e)
{
	struct bls_pubkey key;
	e->sk_to_pk(&key, &secrets[0]);
	sink = (int)key.x[0];
}

static void run_hash(const struct bls_engine *e)
{
	struct bls_signature point;
	e->hash_to_g2(&point, messages[0], 32, BLS_DST, BLS_DST_LEN);
	sink = (int)point.x[0];
}

static void run_key_decode(const struct bls_engine *e)
{
	struct bls_pubkey key;
	must(e->pubkey_from_bytes(&key, key_bytes[0]) == BLS_OK, "key decoding");
}

static void run_signature_decode(const struct bls_engine *e)
{
	struct bls_signature signature;
	must(e->signature_from_bytes(&signature, signature_bytes[0]) == BLS_OK, "signature decoding");
}

static void run_keys_decode(const struct bls_engine *e)
{
	static struct bls_pubkey out[SIGNERS];
	int8_t results[SIGNERS];
	e->pubkeys_from_bytes(out, results, key_byte_pointers, 64);
	must(memcmp(out, keys, 64 * sizeof(out[0])) == 0, "decoding of keys");
}

static void run_signatures_decode(const struct bls_engine *e)
{
	int8_t results[SIGNERS];
	e->signatures_from_bytes(decoded, results, signature_byte_pointers, 64);
	must(memcmp(decoded, signatures, 64 * sizeof(decoded[0])) == 0, "decoding of signatures");
}

static void run_aggregate(const struct bls_engine *e)
{
	struct bls_pubkey sum;
	must(e->aggregate_pubkeys(&sum, key_pointers, SIGNERS) == BLS_OK, "adding of keys");
}

static void run_fast_aggregate_verify(const struct bls_engine *e)
{
	struct bls_pubkey sum;
	must(e->aggregate_pubkeys(&sum, key_pointers, SIGNERS) == BLS_OK &&
		     e->verify(&sum, messages[0], 32, &committee) == BLS_OK,
	     "fast_aggregate_verify");
}

static int batch(const struct bls_engine *e, const struct bls_item *list, size_t n)
{
	struct batch b;
	bls_batch_plan(&b, list, n, seed, scratch);
	return e->batch_verify(&b);
}

static void run_batch(const struct bls_engine *e)
{
	must(batch(e, items, 64) == BLS_OK, "batch");
}

static void run_batch_bytes(const struct bls_engine *e)
{
	static struct bls_item fresh[64];
	int8_t results[SIGNERS];
	e->signatures_from_bytes(decoded, results, signature_byte_pointers, 64);
	for (int i = 0; i < 64; i++) {
		fresh[i] = items[i];
		fresh[i].signature = &decoded[i];
	}
	must(batch(e, fresh, 64) == BLS_OK, "batch from bytes");
}

static void sum_lists(const struct bls_engine *e)
{
	int8_t results[SIGNERS];
	static struct bls_key_list lists[SIGNERS];
	for (int i = 0; i < SIGNERS; i++)
		lists[i] = (struct bls_key_list){key_pointers, SIGNERS};
	e->aggregate_key_lists(sums, results, lists, SIGNERS);
	must(results[0] == BLS_OK && memcmp(&sums[0], &sums[SIGNERS - 1], sizeof(sums[0])) == 0,
	     "adding of lists");
}

/* From cached keys and signatures' bytes to the verdict on 128 attestations of 128 keys each. */
static void run_block(const struct bls_engine *e, int merged)
{
	int8_t results[SIGNERS];
	sum_lists(e);
	e->signatures_from_bytes(decoded, results, block_byte_pointers[merged], SIGNERS);
	for (int i = 0; i < SIGNERS; i++)
		attestations[i] =
			(struct bls_item){&sums[i], &decoded[i], messages[merged ? i % DISTINCT : i], 32};
	must(batch(e, attestations, SIGNERS) == BLS_OK, merged ? "merged block" : "block");
}

static void run_block_apart(const struct bls_engine *e)
{
	run_block(e, 0);
}

static void run_block_merged(const struct bls_engine *e)
{
	run_block(e, 1);
}

static void add(const char *bench, const char *unit, double divisor, int repeat,
		void (*call)(const struct bls_engine *), const struct bls_engine *e)
{
	rows[rows_used++] = (struct row){.bench = bench,
					 .unit = unit,
					 .contender = e,
					 .divisor = divisor,
					 .call = call,
					 .repeat = repeat};
}

static void add_all(const char *bench, const char *unit, double divisor, int repeat,
		    void (*call)(const struct bls_engine *))
{
	for (size_t i = 0; i < contenders_used; i++)
		add(bench, unit, divisor, repeat, call, contenders[i]);
}

static void setup(void)
{
	contenders[contenders_used++] = &bls_engine_portable;
#if defined(__x86_64__)
	unsigned a, b, c, d;
	if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_BMI2) && (b & bit_ADX)) {
		contenders[contenders_used++] = &bls_engine_adx;
		if (bls_lanes_supported())
			contenders[contenders_used++] = &bls_engine_ifma;
	}
#endif
#ifdef BENCH_BLST
	contenders[contenders_used++] = &bls_engine_blst;
#endif
	scratch = aligned_alloc(64, (bls_batch_scratch(SIGNERS) + 63) / 64 * 64);
	if (!scratch) {
		fprintf(stderr, "bench_bls: no memory for the scratch of a batch\n");
		exit(1);
	}
	/* The sum of all keys signs with the sum of their secrets, which the zeros in front keep below r. */
	struct bls_secret sum = {{0}};
	for (size_t i = 0; i < SIGNERS; i++) {
		uint8_t bytes[32] = {0, (uint8_t)(i + 1), 0x5a};
		unsigned __int128 carry = 0;
		memset(bytes + 3, (int)(i + 1), 29);
		must(bls_secret_from_bytes(&secrets[i], bytes) == BLS_OK, "bls_secret_from_bytes");
		for (int j = 0; j < 4; j++) {
			carry += (unsigned __int128)sum.k[j] + secrets[i].k[j];
			sum.k[j] = (uint64_t)carry;
			carry >>= 64;
		}
		bls_sk_to_pk(&keys[i], &secrets[i]);
		key_pointers[i] = &keys[i];
		memcpy(messages[i], &i, sizeof(i));
		bls_sign(&signatures[i], &secrets[i], messages[i], 32);
		items[i] = (struct bls_item){&keys[i], &signatures[i], messages[i], 32};
		bls_pubkey_to_bytes(key_bytes[i], &keys[i]);
		bls_signature_to_bytes(signature_bytes[i], &signatures[i]);
		key_byte_pointers[i] = key_bytes[i];
		signature_byte_pointers[i] = signature_bytes[i];
	}
	for (size_t i = 0; i < SIGNERS; i++) {
		bls_sign(&committee, &sum, messages[i], 32);
		bls_signature_to_bytes(block_bytes[i], &committee);
		block_byte_pointers[0][i] = block_bytes[i];
		block_byte_pointers[1][i] = block_bytes[i % DISTINCT];
	}
	bls_sign(&committee, &sum, messages[0], 32);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void measure(void)
{
	for (int sample = 0; sample < SAMPLES; sample++)
		for (size_t i = 0; i < rows_used; i++) {
			struct row *r = &rows[i];
			double start = now();
			for (int k = 0; k < r->repeat; k++)
				r->call(r->contender);
			r->sample[sample] = (now() - start) / r->repeat / r->divisor;
		}
	for (size_t i = 0; i < rows_used; i++)
		qsort(rows[i].sample, SAMPLES, sizeof(double), ascending);
}

static const char *row_name(const struct row *r)
{
	return r->contender ? r->contender->name : "processor";
}

/* The field multiplication in ns to which a row is compared: plain C's for plain C, assembly's for the others. */
static double floor_of(const struct row *r)
{
	double ns = 0;
	for (size_t i = 0; i < rows_used; i++)
		if (strcmp(rows[i].bench, "fp_mul") == 0 && (ns == 0 || r->contender != &bls_engine_portable))
			ns = rows[i].sample[SAMPLES / 2];
	return ns;
}

static int report(const char *path)
{
	json_t *list = json_array();
	printf("%-34s %-24s %10s %10s %10s %-4s %10s\n", "bench", "contender", "median", "min", "max", "unit",
	       "fp_muls");
	for (size_t i = 0; i < rows_used; i++) {
		struct row *r = &rows[i];
		double median = r->sample[SAMPLES / 2];
		double ns = strcmp(r->unit, "us") == 0 ? 1000 * median : median;
		printf("%-34s %-24s %10.2f %10.2f %10.2f %-4s %10.0f\n", r->bench, row_name(r), median,
		       r->sample[0], r->sample[SAMPLES - 1], r->unit, r->contender ? ns / floor_of(r) : 0.0);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:i}", "bench",
						      r->bench, "contender", row_name(r), "class", "any",
						      "unit", r->unit, "median", median, "min", r->sample[0],
						      "max", r->sample[SAMPLES - 1], "samples", SAMPLES));
	}
	int rc = json_dump_file(list, path, JSON_INDENT(1));
	json_decref(list);
	return rc;
}

int main(void)
{
	char path[4096];
	const char *build = getenv("BUILD");
	snprintf(path, sizeof(path), "%s/bench/bls.json", build ? build : "build");
	setup();
	add("clock, one cycle", "ns", 9000, 200, run_clock, NULL);
	add("fp_mul", "ns", 1000, 20, run_fp_mul, &bls_engine_portable);
#if defined(__x86_64__)
	if (contenders_used > 1)
		add("fp_mul", "ns", 1000, 20, run_fp_mul, &bls_engine_adx);
#endif
	add_all("verify", "us", 1e3, 3, run_verify);
	add_all("verify, 48 + 96 bytes", "us", 1e3, 3, run_verify_bytes);
	add_all("fast_aggregate_verify, 128 keys", "us", 1e3, 3, run_fast_aggregate_verify);
	add_all("sign", "us", 1e3, 6, run_sign);
	add_all("sk_to_pk", "us", 1e3, 10, run_sk_to_pk);
	add_all("hash_to_g2", "us", 1e3, 10, run_hash);
	add_all("key from bytes", "us", 1e3, 20, run_key_decode);
	add_all("signature from bytes", "us", 1e3, 20, run_signature_decode);
	add_all("64 keys from bytes, each", "us", 64e3, 1, run_keys_decode);
	add_all("64 signatures from bytes, each", "us", 64e3, 1, run_signatures_decode);
	add_all("sum of 128 keys", "us", 1e3, 20, run_aggregate);
	add_all("128 sums of 128 keys, each", "us", 128e3, 1, sum_lists);
	add_all("batch of 64, each", "us", 64e3, 1, run_batch);
	add_all("batch of 64 from bytes, each", "us", 64e3, 1, run_batch_bytes);
	add_all("block 128 x 128, 128 messages", "us", 1e3, 1, run_block_apart);
	add_all("block 128 x 128, 8 messages", "us", 1e3, 1, run_block_merged);
	measure();
	free(scratch);
	if (report(path)) {
		fprintf(stderr, "bench_bls: %s can't be written; the table above is complete\n", path);
		return 1;
	}
	return 0;
}
