#include "procs/eth/protection.h"
#include "tests/eth/vectors.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const uint8_t chain[32], root_a[32] = {1}, root_b[32] = {2};
static const uint8_t key[48] = {0xaa}, other_key[48] = {0xbb};

static struct eth_protection *memory(enum eth_protection_mode mode)
{
	struct eth_protection *p;

	cr_assert(eth_protection_open(&p, ":memory:", mode, chain) == 0);
	return p;
}

static uint64_t number_of(const json_t *record, const char *name)
{
	return strtoull(json_string_value(json_object_get(record, name)), NULL, 10);
}

/* Tries the signings of a step, as the README of the vectors says. */
static void attempt(struct eth_protection *p, enum eth_protection_mode mode, const json_t *step, bool votes,
		    const char *name)
{
	const char *verdict = mode == ETH_PROTECT_COMPLETE ? "should_succeed_complete" : "should_succeed";
	const json_t *list = json_object_get(step, votes ? "attestations" : "blocks"), *record;
	size_t i;

	json_array_foreach(list, i, record)
	{
		const json_t *want = json_object_get(record, verdict);
		uint8_t pubkey[48], root[32];
		int rc;

		vec_hex(json_string_value(json_object_get(record, "pubkey")), pubkey, 48);
		vec_hex(json_string_value(json_object_get(record, "signing_root")), root, 32);
		rc = votes ? eth_protection_attestation(p, pubkey, number_of(record, "source_epoch"),
							number_of(record, "target_epoch"), root)
			   : eth_protection_block(p, pubkey, number_of(record, "slot"), root);
		cr_assert(json_is_boolean(want));
		cr_assert((rc == 0) == json_is_true(want), "%s, mode %d, %s %zu: %s", name, mode,
			  votes ? "attestation" : "block", i, eth_protection_strerror(rc));
	}
}

static void interchange_case(const struct vec_file *f, enum eth_protection_mode mode)
{
	json_t *test = json_loadb((const char *)f->p, f->n, 0, NULL), *step;
	struct eth_protection *p;
	uint8_t root[32];
	size_t i;

	cr_assert(test, "%s", f->name);
	vec_hex(json_string_value(json_object_get(test, "genesis_validators_root")), root, 32);
	cr_assert(eth_protection_open(&p, ":memory:", mode, root) == 0);
	json_array_foreach(json_object_get(test, "steps"), i, step)
	{
		char *text = json_dumps(json_object_get(step, "interchange"), 0);
		struct eth_import report;
		int rc = eth_protection_import(p, text, strlen(text), &report);

		free(text);
		cr_assert((rc == 0) == json_is_true(json_object_get(step, "should_succeed")), "%s: %s",
			  f->name, eth_protection_strerror(rc));
		/* Several of the tests call data slashable that a whole history shows to be a repetition. */
		if (rc == 0 && !json_is_true(json_object_get(step, "contains_slashable_data")))
			cr_assert(report.slashable == 0, "%s: reports slashable data", f->name);
		attempt(p, mode, step, false, f->name);
		attempt(p, mode, step, true, f->name);
	}
	eth_protection_close(p);
	json_decref(test);
}

Test(eth_protection, interchange_tests_in_both_modes)
{
	struct vec_set set = vec_open("slashing-protection.tar.zst");
	size_t n = 0;

	for (size_t i = 0; i < set.n; i++)
		for (size_t j = 0; strstr(set.cases[i].path, "generated") && j < set.cases[i].files;
		     j++, n++) {
			interchange_case(&set.cases[i].file[j], ETH_PROTECT_COMPLETE);
			interchange_case(&set.cases[i].file[j], ETH_PROTECT_MINIMAL);
		}
	cr_assert(n == 38, "%zu tests", n);
	vec_close(&set);
}

Test(eth_protection, each_refusal_has_its_code)
{
	struct eth_protection *p = memory(ETH_PROTECT_COMPLETE);

	cr_assert(eth_protection_block(p, key, 10, root_a) == 0);
	cr_assert(eth_protection_block(p, key, 10, root_a) == 0, "the same block again");
	cr_assert(eth_protection_block(p, key, 10, root_b) == ETH_PROTECT_DOUBLE_BLOCK);
	cr_assert(eth_protection_block(p, key, 9, root_a) == ETH_PROTECT_OLD_BLOCK);
	cr_assert(eth_protection_block(p, other_key, 9, root_a) == 0, "another validator's own");
	cr_assert(eth_protection_block(p, key, UINT64_MAX, root_a) == ETH_PROTECT_NUMBER);
	cr_assert(eth_protection_attestation(p, key, 10, 11, root_a) == 0);
	cr_assert(eth_protection_attestation(p, key, 10, 11, root_b) == ETH_PROTECT_DOUBLE_VOTE);
	cr_assert(eth_protection_attestation(p, key, 12, 14, root_a) == 0);
	cr_assert(eth_protection_attestation(p, key, 11, 15, root_a) == ETH_PROTECT_SURROUNDS);
	cr_assert(eth_protection_attestation(p, key, 13, 13, root_a) == ETH_PROTECT_SURROUNDED);
	cr_assert(eth_protection_attestation(p, key, 12, 13, root_a) == 0, "a gap may be filled");
	cr_assert(eth_protection_attestation(p, key, 9, 10, root_a) == ETH_PROTECT_OLD_SOURCE);
	cr_assert(eth_protection_attestation(p, key, 10, 10, root_a) == ETH_PROTECT_OLD_TARGET);
	cr_assert(eth_protection_attestation(p, key, 20, 19, root_a) == ETH_PROTECT_SOURCE_AFTER_TARGET);
	cr_assert(eth_protection_attestation(p, key, 20, UINT64_C(1) << 63, root_a) == ETH_PROTECT_NUMBER);
	eth_protection_close(p);
}

static bool clash(uint64_t s, uint64_t t, uint64_t a, uint64_t b)
{
	return (s < a && b < t) || (a < s && t < b);
}

Test(eth_protection, agrees_with_comparing_every_pair)
{
	enum { EPOCHS = 40 };
	struct eth_protection *p = memory(ETH_PROTECT_COMPLETE);
	uint64_t source[EPOCHS], target[EPOCHS], state = 1;
	int n = 0, refused = 0;

	for (int step = 0; step < 3000; step++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		uint64_t t = 1 + (state >> 33) % EPOCHS, s = t - 1 - (state >> 50) % (t < 6 ? t : 6);
		bool bad = false;
		uint64_t low_source = UINT64_MAX, low_target = UINT64_MAX;

		for (int i = 0; i < n; i++) {
			bad |= target[i] == t || clash(s, t, source[i], target[i]);
			low_source = source[i] < low_source ? source[i] : low_source;
			low_target = target[i] < low_target ? target[i] : low_target;
		}
		bad |= n && (s < low_source || t <= low_target);
		uint8_t root[32] = {(uint8_t)step, (uint8_t)(step >> 8)};
		int rc = eth_protection_attestation(p, key, s, t, root);
		cr_assert((rc == 0) == !bad, "step %d, %d kept: %s", step, n, eth_protection_strerror(rc));
		refused += bad;
		if (!bad) {
			source[n] = s;
			target[n++] = t;
		}
	}
	cr_assert(n > 5 && refused > 100);
	eth_protection_close(p);
}

Test(eth_protection, what_is_exported_protects_elsewhere)
{
	struct eth_protection *p = memory(ETH_PROTECT_COMPLETE), *q = memory(ETH_PROTECT_COMPLETE);
	struct eth_protection *r = memory(ETH_PROTECT_MINIMAL);
	struct eth_import report;
	char *json, *again;
	size_t n, m;

	for (uint64_t i = 1; i < 20; i++) {
		cr_assert(eth_protection_block(p, key, 3 * i, root_a) == 0);
		cr_assert(eth_protection_attestation(p, key, 2 * i, 2 * i + 1, root_b) == 0);
	}
	cr_assert(eth_protection_block(p, other_key, 7, root_a) == 0);
	cr_assert(eth_protection_export(p, &json, &n) == 0 && strlen(json) == n);
	cr_assert(eth_protection_import(q, json, n, &report) == 0);
	cr_assert(report.validators == 2 && report.blocks == 20 && report.attestations == 19 &&
		  report.slashable == 0);
	cr_assert(eth_protection_export(q, &again, &m) == 0 && m == n && !memcmp(json, again, n));
	free(again);
	cr_assert(eth_protection_import(q, json, n, &report) == 0 && report.slashable == 0, "twice is once");
	cr_assert(eth_protection_export(q, &again, &m) == 0 && m == n && !memcmp(json, again, n));
	free(again);
	cr_assert(eth_protection_block(q, key, 6, root_b) == ETH_PROTECT_DOUBLE_BLOCK);
	cr_assert(eth_protection_import(r, json, n, &report) == 0);
	cr_assert(eth_protection_block(r, key, 57, root_a) != 0 &&
		  eth_protection_block(r, key, 56, root_a) != 0);
	cr_assert(eth_protection_block(r, key, 58, root_a) == 0);
	cr_assert(eth_protection_attestation(r, key, 38, 39, root_b) == ETH_PROTECT_DOUBLE_VOTE);
	cr_assert(eth_protection_attestation(r, key, 37, 40, root_b) == ETH_PROTECT_SURROUNDS);
	cr_assert(eth_protection_attestation(r, key, 38, 40, root_b) == 0);
	cr_assert(eth_protection_export(r, &again, &m) == 0 && m < n, "one of each per validator");
	free(again);
	free(json);
	eth_protection_close(p);
	eth_protection_close(q);
	eth_protection_close(r);
}

#define ROOT "0x0000000000000000000000000000000000000000000000000000000000000000"
#define KEY \
	"0xa99a76ed7796f7be22d5b7e85deeb7c5677e88e511e0b337618f8c4eb61349b4bf2d153f649f7b53359fe8b94a38e44c"
#define DOCUMENT(version, data)                                                                         \
	"{\"metadata\":{\"interchange_format_version\":" version ",\"genesis_validators_root\":\"" ROOT \
	"\"},\"data\":" data "}"
#define BLOCK(member)                                                           \
	"[{\"pubkey\":\"" KEY "\",\"signed_blocks\":[{\"slot\":\"1\"},{" member \
	"}],\"signed_attestations\":[]}]"

Test(eth_protection, a_bad_interchange_is_refused_whole_and_says_where)
{
	static const struct {
		const char *json;
		int code;
		const char *where;
	} bad[] = {
		{"{", ETH_PROTECT_JSON, "line 1"},
		{"[]", ETH_PROTECT_FORMAT, "metadata"},
		{"{\"metadata\":{}}", ETH_PROTECT_FORMAT_VERSION, "metadata.interchange_format_version"},
		{DOCUMENT("\"4\"", "[]"), ETH_PROTECT_FORMAT_VERSION, "metadata.interchange_format_version"},
		{DOCUMENT("5", "[]"), ETH_PROTECT_FORMAT_VERSION, "metadata.interchange_format_version"},
		{DOCUMENT("\"5\"", "{}"), ETH_PROTECT_FORMAT, "data"},
		{DOCUMENT("\"5\"", "[7]"), ETH_PROTECT_FORMAT, "data[0].pubkey"},
		{DOCUMENT("\"5\"", "[{\"pubkey\":\"0x00\"}]"), ETH_PROTECT_FORMAT, "data[0].pubkey"},
		{DOCUMENT("\"5\"", "[{\"pubkey\":\"" KEY "\"}]"), ETH_PROTECT_FORMAT,
		 "data[0].signed_blocks"},
		{DOCUMENT("\"5\"", BLOCK("")), ETH_PROTECT_FORMAT, "data[0].signed_blocks[1].slot"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":2")), ETH_PROTECT_FORMAT, "data[0].signed_blocks[1].slot"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":\"-2\"")), ETH_PROTECT_FORMAT,
		 "data[0].signed_blocks[1].slot"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":\"9223372036854775808\"")), ETH_PROTECT_NUMBER,
		 "data[0].signed_blocks[1].slot"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":\"99999999999999999999999\"")), ETH_PROTECT_NUMBER,
		 "data[0].signed_blocks[1].slot"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":\"2\",\"signing_root\":\"0x12\"")), ETH_PROTECT_FORMAT,
		 "data[0].signed_blocks[1].signing_root"},
		{DOCUMENT("\"5\"", BLOCK("\"slot\":\"2\",\"signing_root\":null")), ETH_PROTECT_FORMAT,
		 "data[0].signed_blocks[1].signing_root"},
	};
	struct eth_protection *p = memory(ETH_PROTECT_COMPLETE);
	struct eth_import report;
	char *json;
	size_t n;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = eth_protection_import(p, bad[i].json, strlen(bad[i].json), &report);

		cr_assert(rc == bad[i].code, "%s: %s", bad[i].json, eth_protection_strerror(rc));
		cr_assert(!strncmp(report.where, bad[i].where, strlen(bad[i].where)), "%s: %s", bad[i].json,
			  report.where);
	}
	cr_assert(eth_protection_export(p, &json, &n) == 0);
	cr_assert(!strstr(json, "slot"), "something was kept of a refused document");
	free(json);
	eth_protection_close(p);
}

/* A folder of its own, removed at the end also when the test fails. */
static char folder[] = "/tmp/eth-protection-XXXXXX", path[64];

static void make_folder(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/protection.sqlite", folder);
}

static void remove_folder(void)
{
	static const char *const suffix[] = {"", "-wal", "-shm"};
	char name[80];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, suffix[i]);
		unlink(name);
	}
	rmdir(folder);
}

Test(eth_protection, a_file_is_of_one_chain_and_one_mode, .init = make_folder, .fini = remove_folder)
{
	static const uint8_t another[32] = {9};
	struct eth_protection *p, *q;
	int fd;

	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, chain) == 0);
	cr_assert(eth_protection_block(p, key, 5, root_a) == 0);
	cr_assert(eth_protection_open(&q, path, ETH_PROTECT_COMPLETE, chain) == 0);
	cr_assert(eth_protection_block(q, key, 5, root_b) == ETH_PROTECT_DOUBLE_BLOCK,
		  "seen by another handle");
	eth_protection_close(q);
	eth_protection_close(p);
	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, another) == ETH_PROTECT_CHAIN && !p);
	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_MINIMAL, chain) == ETH_PROTECT_MODE);
	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, chain) == 0);
	cr_assert(eth_protection_block(p, key, 5, root_b) == ETH_PROTECT_DOUBLE_BLOCK, "after closing");
	eth_protection_close(p);
	fd = open(path, O_WRONLY | O_TRUNC);
	cr_assert(fd >= 0 && write(fd, "no data base of anyone, and long enough", 39) == 39);
	close(fd);
	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, chain) == ETH_PROTECT_FILE);
	cr_assert(eth_protection_open(&p, "/proc/none/x", ETH_PROTECT_COMPLETE, chain) == ETH_PROTECT_FILE);
}

Test(eth_protection, what_was_allowed_survives_a_kill, .init = make_folder, .fini = remove_folder)
{
	struct eth_protection *p;
	uint64_t slot = 0, last = 0;
	int fd[2], status;
	pid_t pid;

	cr_assert(pipe(fd) == 0);
	pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		close(fd[0]);
		if (eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, chain))
			_exit(1);
		for (slot = 1;; slot++)
			if (eth_protection_block(p, key, slot, root_a) ||
			    write(fd[1], &slot, sizeof(slot)) != sizeof(slot))
				_exit(1);
	}
	close(fd[1]);
	while (slot < 50 && read(fd[0], &slot, sizeof(slot)) == sizeof(slot))
		last = slot;
	kill(pid, SIGKILL);
	while (read(fd[0], &slot, sizeof(slot)) == sizeof(slot))
		last = slot;
	close(fd[0]);
	cr_assert(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	cr_assert(last >= 50);
	cr_assert(eth_protection_open(&p, path, ETH_PROTECT_COMPLETE, chain) == 0);
	for (slot = 1; slot <= last; slot++)
		cr_assert(eth_protection_block(p, key, slot, root_b) == ETH_PROTECT_DOUBLE_BLOCK);
	eth_protection_close(p);
}
