#include "procs/eth/protection_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the file's header: what kind of data base, which layout. */
#define APPLICATION 0x65746870 /* "ethp" */
#define LAYOUT 1
#define BUSY_MS 5000

static const char schema[] =
	"CREATE TABLE chain(genesis_validators_root BLOB NOT NULL, mode INTEGER NOT NULL);"
	"CREATE TABLE validator(id INTEGER PRIMARY KEY, pubkey BLOB NOT NULL UNIQUE);"
	"CREATE TABLE block(validator INTEGER NOT NULL REFERENCES validator, slot INTEGER NOT NULL,"
	" signing_root BLOB);"
	"CREATE UNIQUE INDEX block_once ON block(validator, slot, ifnull(signing_root, x''));"
	"CREATE TABLE attestation(validator INTEGER NOT NULL REFERENCES validator, source INTEGER NOT NULL,"
	" target INTEGER NOT NULL, signing_root BLOB);"
	"CREATE UNIQUE INDEX attestation_once"
	" ON attestation(validator, target, source, ifnull(signing_root, x''));"
	"CREATE INDEX attestation_source ON attestation(validator, source, target);";

/* ?1 is the validator, ?2 the slot or target, ?3 the signing root, ?4 the source. */
static const char *const text[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[VALIDATOR_FIND] = "SELECT id FROM validator WHERE pubkey = ?1",
	[VALIDATOR_ADD] = "INSERT INTO validator(pubkey) VALUES(?1)",
	[VALIDATOR_EACH] = "SELECT id, pubkey FROM validator ORDER BY pubkey",
	[BLOCK_REPEAT] = "SELECT 1 FROM block WHERE validator = ?1 AND slot = ?2 AND signing_root = ?3",
	/* A root that is not known may be any, so two unknown ones are two blocks. */
	[BLOCK_DOUBLE] = "SELECT 1 FROM block WHERE validator = ?1 AND slot = ?2"
			 " AND (signing_root IS NULL OR ?3 IS NULL OR signing_root <> ?3) LIMIT 1",
	[BLOCK_OLDEST] = "SELECT min(slot) FROM block WHERE validator = ?1",
	[BLOCK_ADD] = "INSERT OR IGNORE INTO block(validator, slot, signing_root) VALUES(?1, ?2, ?3)",
	[BLOCK_COLLAPSE] = "DELETE FROM block WHERE validator = ?1"
			   " AND slot < (SELECT max(slot) FROM block WHERE validator = ?1)",
	[BLOCK_EACH] = "SELECT slot, signing_root FROM block WHERE validator = ?1 ORDER BY slot, rowid",
	[VOTE_REPEAT] = "SELECT 1 FROM attestation WHERE validator = ?1 AND target = ?2"
			" AND source = ?4 AND signing_root = ?3",
	[VOTE_DOUBLE] = "SELECT 1 FROM attestation WHERE validator = ?1 AND target = ?2"
			" AND (signing_root IS NULL OR ?3 IS NULL OR signing_root <> ?3 OR source <> ?4)"
			" LIMIT 1",
	[VOTE_SURROUNDS] =
		"SELECT 1 FROM attestation WHERE validator = ?1 AND target < ?2 AND source > ?4 LIMIT 1",
	[VOTE_SURROUNDED] =
		"SELECT 1 FROM attestation WHERE validator = ?1 AND target > ?2 AND source < ?4 LIMIT 1",
	[VOTE_OLDEST] = "SELECT (SELECT min(source) FROM attestation WHERE validator = ?1),"
			" (SELECT min(target) FROM attestation WHERE validator = ?1)",
	[VOTE_ADD] = "INSERT OR IGNORE INTO attestation(validator, target, signing_root, source)"
		     " VALUES(?1, ?2, ?3, ?4)",
	/* The one that stands for all has the latest source and the latest target. */
	[VOTE_COLLAPSE] = "SELECT max(source), max(target), count(*) FROM attestation WHERE validator = ?1",
	[VOTE_EACH] = "SELECT source, target, signing_root FROM attestation WHERE validator = ?1"
		      " ORDER BY target, source, rowid",
};

const char *eth_protection_strerror(int code)
{
	static const char *const sentence[] = {
#define X(code_, text_) text_,
		ETH_PROTECTION_RESULTS(X)
#undef X
	};
	int i = code - ETH_PROTECT_BASE - 1;

	if (code == 0)
		return "ok";
	return i >= 0 && i < (int)(sizeof(sentence) / sizeof(sentence[0])) ? sentence[i] : "unknown error";
}

int protection_step(sqlite3_stmt *s)
{
	int rc = sqlite3_step(s);

	return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : ETH_PROTECT_STORE;
}

/* Runs a statement that gives at most one row, as protection_step; the row is read before the next call. */
static int run(struct eth_protection *p, enum statement which)
{
	return protection_step(p->stmt[which]);
}

static void done(struct eth_protection *p, enum statement which)
{
	sqlite3_reset(p->stmt[which]);
	sqlite3_clear_bindings(p->stmt[which]);
}

/* The same for one whose row says nothing but that it is there. */
static int run_once(struct eth_protection *p, enum statement which)
{
	int rc = run(p, which);

	done(p, which);
	return rc;
}

static void bind(struct eth_protection *p, enum statement which, int64_t id, uint64_t number,
		 const uint8_t *root)
{
	sqlite3_bind_int64(p->stmt[which], 1, id);
	sqlite3_bind_int64(p->stmt[which], 2, (int64_t)number);
	if (root)
		sqlite3_bind_blob(p->stmt[which], 3, root, 32, SQLITE_STATIC);
	else
		sqlite3_bind_null(p->stmt[which], 3);
}

static int ask_vote(struct eth_protection *p, enum statement which, int64_t id, const struct signed_vote *v)
{
	if (which == VOTE_SURROUNDS || which == VOTE_SURROUNDED) {
		sqlite3_bind_int64(p->stmt[which], 1, id);
		sqlite3_bind_int64(p->stmt[which], 2, (int64_t)v->target);
	} else {
		bind(p, which, id, v->target, v->signing_root);
	}
	sqlite3_bind_int64(p->stmt[which], 4, (int64_t)v->source);
	return run_once(p, which);
}

int protection_begin(struct eth_protection *p)
{
	return run_once(p, BEGIN);
}

int protection_end(struct eth_protection *p, int rc)
{
	if (rc == 0)
		rc = run_once(p, COMMIT);
	if (rc && !sqlite3_get_autocommit(p->db))
		run_once(p, ROLLBACK);
	return rc;
}

int protection_validator(struct eth_protection *p, const uint8_t pubkey[48], int64_t *id)
{
	int rc;

	sqlite3_bind_blob(p->stmt[VALIDATOR_FIND], 1, pubkey, 48, SQLITE_STATIC);
	rc = run(p, VALIDATOR_FIND);
	if (rc == 1)
		*id = sqlite3_column_int64(p->stmt[VALIDATOR_FIND], 0);
	done(p, VALIDATOR_FIND);
	if (rc)
		return rc == 1 ? 0 : rc;
	sqlite3_bind_blob(p->stmt[VALIDATOR_ADD], 1, pubkey, 48, SQLITE_STATIC);
	rc = run_once(p, VALIDATOR_ADD);
	*id = sqlite3_last_insert_rowid(p->db);
	return rc;
}

int protection_check_block(struct eth_protection *p, int64_t id, const struct signed_block *b)
{
	int rc;

	bind(p, BLOCK_DOUBLE, id, b->slot, b->signing_root);
	rc = run_once(p, BLOCK_DOUBLE);
	if (rc)
		return rc == 1 ? ETH_PROTECT_DOUBLE_BLOCK : rc;
	bind(p, BLOCK_REPEAT, id, b->slot, b->signing_root);
	rc = run_once(p, BLOCK_REPEAT);
	if (rc)
		return rc == 1 ? ETH_PROTECT_REPEATED : rc;
	sqlite3_bind_int64(p->stmt[BLOCK_OLDEST], 1, id);
	rc = run(p, BLOCK_OLDEST);
	if (rc == 1)
		rc = sqlite3_column_type(p->stmt[BLOCK_OLDEST], 0) != SQLITE_NULL &&
				     (uint64_t)sqlite3_column_int64(p->stmt[BLOCK_OLDEST], 0) >= b->slot
			     ? ETH_PROTECT_OLD_BLOCK
			     : 0;
	done(p, BLOCK_OLDEST);
	return rc;
}

static int check_oldest(struct eth_protection *p, int64_t id, const struct signed_vote *v)
{
	sqlite3_stmt *s = p->stmt[VOTE_OLDEST];
	int rc;

	sqlite3_bind_int64(s, 1, id);
	rc = protection_step(s);
	if (rc == 1) {
		rc = 0;
		if (sqlite3_column_type(s, 0) != SQLITE_NULL) {
			if ((uint64_t)sqlite3_column_int64(s, 0) > v->source)
				rc = ETH_PROTECT_OLD_SOURCE;
			else if ((uint64_t)sqlite3_column_int64(s, 1) >= v->target)
				rc = ETH_PROTECT_OLD_TARGET;
		}
	}
	done(p, VOTE_OLDEST);
	return rc;
}

int protection_check_vote(struct eth_protection *p, int64_t id, const struct signed_vote *v)
{
	static const struct {
		enum statement ask;
		int answer;
	} question[] = {
		{VOTE_DOUBLE, ETH_PROTECT_DOUBLE_VOTE},
		{VOTE_SURROUNDS, ETH_PROTECT_SURROUNDS},
		{VOTE_SURROUNDED, ETH_PROTECT_SURROUNDED},
		{VOTE_REPEAT, ETH_PROTECT_REPEATED},
	};

	for (size_t i = 0; i < sizeof(question) / sizeof(question[0]); i++) {
		int rc = ask_vote(p, question[i].ask, id, v);

		if (rc)
			return rc == 1 ? question[i].answer : rc;
	}
	return check_oldest(p, id, v);
}

int protection_add_block(struct eth_protection *p, int64_t id, const struct signed_block *b)
{
	/* Whoever keeps one block for all keeps no root: signing that one again is refused as well. */
	bind(p, BLOCK_ADD, id, b->slot, p->mode == ETH_PROTECT_MINIMAL ? NULL : b->signing_root);
	return run_once(p, BLOCK_ADD);
}

int protection_add_vote(struct eth_protection *p, int64_t id, const struct signed_vote *v)
{
	struct signed_vote kept = *v;

	if (p->mode == ETH_PROTECT_MINIMAL)
		kept.signing_root = NULL;
	return ask_vote(p, VOTE_ADD, id, &kept);
}

int protection_collapse(struct eth_protection *p, int64_t id)
{
	sqlite3_stmt *s = p->stmt[VOTE_COLLAPSE];
	struct signed_vote all = {0};
	int64_t n = 0;
	int rc;

	if (p->mode != ETH_PROTECT_MINIMAL)
		return 0;
	sqlite3_bind_int64(p->stmt[BLOCK_COLLAPSE], 1, id);
	rc = run_once(p, BLOCK_COLLAPSE);
	if (rc)
		return rc;
	sqlite3_bind_int64(s, 1, id);
	rc = protection_step(s);
	if (rc == 1) {
		all.source = (uint64_t)sqlite3_column_int64(s, 0);
		all.target = (uint64_t)sqlite3_column_int64(s, 1);
		n = sqlite3_column_int64(s, 2);
	}
	done(p, VOTE_COLLAPSE);
	if (rc < 0 || n < 2)
		return rc < 0 ? rc : 0;
	sqlite3_stmt *clear;

	if (sqlite3_prepare_v2(p->db, "DELETE FROM attestation WHERE validator = ?1", -1, &clear, NULL))
		return ETH_PROTECT_STORE;
	sqlite3_bind_int64(clear, 1, id);
	rc = protection_step(clear);
	sqlite3_finalize(clear);
	return rc ? rc : protection_add_vote(p, id, &all);
}

int eth_protection_block(struct eth_protection *p, const uint8_t pubkey[48], uint64_t slot,
			 const uint8_t signing_root[32])
{
	struct signed_block b = {slot, signing_root};
	int64_t id;
	int rc;

	if (slot > INT64_MAX)
		return ETH_PROTECT_NUMBER;
	rc = protection_begin(p);
	if (rc)
		return rc;
	rc = protection_validator(p, pubkey, &id);
	if (rc == 0)
		rc = protection_check_block(p, id, &b);
	if (rc == 0)
		rc = protection_add_block(p, id, &b);
	if (rc == 0)
		rc = protection_collapse(p, id);
	return protection_end(p, rc == ETH_PROTECT_REPEATED ? 0 : rc);
}

int eth_protection_attestation(struct eth_protection *p, const uint8_t pubkey[48], uint64_t source,
			       uint64_t target, const uint8_t signing_root[32])
{
	struct signed_vote v = {source, target, signing_root};
	int64_t id;
	int rc;

	if (source > INT64_MAX || target > INT64_MAX)
		return ETH_PROTECT_NUMBER;
	if (source > target)
		return ETH_PROTECT_SOURCE_AFTER_TARGET;
	rc = protection_begin(p);
	if (rc)
		return rc;
	rc = protection_validator(p, pubkey, &id);
	if (rc == 0)
		rc = protection_check_vote(p, id, &v);
	if (rc == 0)
		rc = protection_add_vote(p, id, &v);
	if (rc == 0)
		rc = protection_collapse(p, id);
	return protection_end(p, rc == ETH_PROTECT_REPEATED ? 0 : rc);
}

static int64_t pragma(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	int64_t value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL))
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		value = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return value;
}

static int create(struct eth_protection *p)
{
	char sql[160];
	sqlite3_stmt *s;
	int rc;

	if (sqlite3_exec(p->db, schema, NULL, NULL, NULL))
		return ETH_PROTECT_FILE;
	if (sqlite3_prepare_v2(p->db, "INSERT INTO chain VALUES(?1, ?2)", -1, &s, NULL))
		return ETH_PROTECT_STORE;
	sqlite3_bind_blob(s, 1, p->genesis_validators_root, 32, SQLITE_STATIC);
	sqlite3_bind_int(s, 2, p->mode);
	rc = protection_step(s);
	sqlite3_finalize(s);
	snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d", APPLICATION,
		 LAYOUT);
	return rc ? rc : sqlite3_exec(p->db, sql, NULL, NULL, NULL) ? ETH_PROTECT_STORE : 0;
}

static int check_chain(struct eth_protection *p)
{
	sqlite3_stmt *s;
	int rc = ETH_PROTECT_FILE;

	if (pragma(p->db, "PRAGMA application_id") != APPLICATION ||
	    pragma(p->db, "PRAGMA user_version") != LAYOUT)
		return ETH_PROTECT_FILE;
	if (sqlite3_prepare_v2(p->db, "SELECT genesis_validators_root, mode FROM chain", -1, &s, NULL))
		return ETH_PROTECT_FILE;
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_bytes(s, 0) == 32)
		rc = memcmp(sqlite3_column_blob(s, 0), p->genesis_validators_root, 32) ? ETH_PROTECT_CHAIN
		     : sqlite3_column_int(s, 1) != (int)p->mode                        ? ETH_PROTECT_MODE
										       : 0;
	sqlite3_finalize(s);
	return rc;
}

static int prepare(struct eth_protection *p)
{
	/* Two processes may make the file at the same time: the second one waits here and finds it made. */
	if (sqlite3_exec(p->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
		return ETH_PROTECT_FILE;
	int rc = pragma(p->db, "SELECT count(*) FROM sqlite_schema") == 0 ? create(p) : check_chain(p);

	if (sqlite3_exec(p->db, rc ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL) && !rc)
		rc = ETH_PROTECT_STORE;
	for (int i = 0; i < STATEMENTS && rc == 0; i++)
		if (sqlite3_prepare_v3(p->db, text[i], -1, SQLITE_PREPARE_PERSISTENT, &p->stmt[i], NULL))
			rc = ETH_PROTECT_FILE;
	return rc;
}

int eth_protection_open(struct eth_protection **out, const char *path, enum eth_protection_mode mode,
			const uint8_t genesis_validators_root[32])
{
	struct eth_protection *p = calloc(1, sizeof(*p));
	int rc;

	*out = NULL;
	if (!p)
		return ETH_PROTECT_MEMORY;
	p->mode = mode;
	memcpy(p->genesis_validators_root, genesis_validators_root, 32);
	rc = sqlite3_open_v2(path, &p->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL)
		     ? ETH_PROTECT_FILE
		     : 0;
	if (rc == 0) {
		sqlite3_busy_timeout(p->db, BUSY_MS);
		/* FULL: a commit is on disk when it returns, also in the write-ahead log. */
		rc = sqlite3_exec(p->db,
				  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
				  "PRAGMA trusted_schema = OFF; PRAGMA foreign_keys = ON",
				  NULL, NULL, NULL)
			     ? ETH_PROTECT_FILE
			     : prepare(p);
	}
	if (rc) {
		eth_protection_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

void eth_protection_close(struct eth_protection *p)
{
	if (!p)
		return;
	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(p->stmt[i]);
	sqlite3_close(p->db);
	free(p);
}
