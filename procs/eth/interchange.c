#include "procs/eth/protection_private.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The interchange format of EIP-3076, version 5: numbers are decimal strings, bytes are hex behind 0x. */
#define FORMAT_VERSION "5"

struct import {
	struct eth_protection *p;
	struct eth_import *report;
	size_t validator; /* index in "data" */
};

__attribute__((format(printf, 3, 4))) static int fault(struct import *in, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(in->report->where, sizeof(in->report->where), format, args);
	va_end(args);
	return code;
}

static int nibble(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* Exactly `n` bytes of hex behind 0x. */
static bool hex(const json_t *value, uint8_t *out, size_t n)
{
	const char *s = json_string_value(value);

	if (!s || json_string_length(value) != 2 + 2 * n || s[0] != '0' || s[1] != 'x')
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = nibble(s[2 + 2 * i]), low = nibble(s[3 + 2 * i]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* A decimal string below 2^63. 0, ETH_PROTECT_FORMAT or ETH_PROTECT_NUMBER. */
static int number(const json_t *value, uint64_t *out)
{
	const char *s = json_string_value(value);
	size_t n = s ? json_string_length(value) : 0;

	if (n == 0 || strspn(s, "0123456789") != n)
		return ETH_PROTECT_FORMAT;
	errno = 0;
	*out = strtoull(s, NULL, 10);
	return errno || *out > INT64_MAX ? ETH_PROTECT_NUMBER : 0;
}

/* One member of a record as a number. */
static int member(struct import *in, const json_t *record, const char *list, size_t i, const char *name,
		  uint64_t *out)
{
	int rc = number(json_object_get(record, name), out);

	return rc ? fault(in, rc, "data[%zu].%s[%zu].%s", in->validator, list, i, name) : 0;
}

/* The signing root of a record: 0, with `*root` NULL where it has none. */
static int signing_root(struct import *in, const json_t *record, const char *list, size_t i,
			uint8_t bytes[32], const uint8_t **root)
{
	const json_t *value = json_object_get(record, "signing_root");

	*root = value ? bytes : NULL;
	if (value && !hex(value, bytes, 32))
		return fault(in, ETH_PROTECT_FORMAT, "data[%zu].%s[%zu].signing_root", in->validator, list,
			     i);
	return 0;
}

static int import_block(struct import *in, int64_t id, const json_t *record, size_t i)
{
	struct signed_block b;
	uint8_t root[32];
	int rc = member(in, record, "signed_blocks", i, "slot", &b.slot);

	if (rc == 0)
		rc = signing_root(in, record, "signed_blocks", i, root, &b.signing_root);
	if (rc == 0)
		rc = protection_check_block(in->p, id, &b);
	if (rc == ETH_PROTECT_DOUBLE_BLOCK)
		in->report->slashable++;
	else if (rc && rc != ETH_PROTECT_OLD_BLOCK && rc != ETH_PROTECT_REPEATED)
		return rc;
	in->report->blocks++;
	return protection_add_block(in->p, id, &b);
}

static int import_vote(struct import *in, int64_t id, const json_t *record, size_t i)
{
	static const char list[] = "signed_attestations";
	struct signed_vote v;
	uint8_t root[32];
	int rc = member(in, record, list, i, "source_epoch", &v.source);

	if (rc == 0)
		rc = member(in, record, list, i, "target_epoch", &v.target);
	if (rc == 0)
		rc = signing_root(in, record, list, i, root, &v.signing_root);
	if (rc == 0)
		rc = protection_check_vote(in->p, id, &v);
	if (rc == ETH_PROTECT_DOUBLE_VOTE || rc == ETH_PROTECT_SURROUNDS || rc == ETH_PROTECT_SURROUNDED)
		in->report->slashable++;
	else if (rc && rc != ETH_PROTECT_OLD_SOURCE && rc != ETH_PROTECT_OLD_TARGET &&
		 rc != ETH_PROTECT_REPEATED)
		return rc;
	in->report->attestations++;
	return protection_add_vote(in->p, id, &v);
}

static int import_list(struct import *in, int64_t id, const json_t *validator, const char *name,
		       int (*one)(struct import *, int64_t, const json_t *, size_t))
{
	const json_t *list = json_object_get(validator, name), *record;
	size_t i;
	int rc = 0;

	if (!json_is_array(list))
		return fault(in, ETH_PROTECT_FORMAT, "data[%zu].%s", in->validator, name);
	json_array_foreach(list, i, record)
	{
		rc = one(in, id, record, i);
		if (rc)
			return rc;
	}
	return 0;
}

static int import_validator(struct import *in, const json_t *validator)
{
	uint8_t pubkey[48];
	int64_t id;
	int rc;

	if (!hex(json_object_get(validator, "pubkey"), pubkey, sizeof(pubkey)))
		return fault(in, ETH_PROTECT_FORMAT, "data[%zu].pubkey", in->validator);
	rc = protection_validator(in->p, pubkey, &id);
	if (rc == 0)
		rc = import_list(in, id, validator, "signed_blocks", import_block);
	if (rc == 0)
		rc = import_list(in, id, validator, "signed_attestations", import_vote);
	in->report->validators++;
	return rc ? rc : protection_collapse(in->p, id);
}

static int import_document(struct import *in, const json_t *root)
{
	const json_t *metadata = json_object_get(root, "metadata"), *data = json_object_get(root, "data");
	const json_t *version = json_object_get(metadata, "interchange_format_version"), *validator;
	uint8_t chain[32];
	int rc = 0;

	if (!json_is_object(metadata))
		return fault(in, ETH_PROTECT_FORMAT, "metadata");
	if (!json_is_string(version) || strcmp(json_string_value(version), FORMAT_VERSION))
		return fault(in, ETH_PROTECT_FORMAT_VERSION, "metadata.interchange_format_version");
	if (!hex(json_object_get(metadata, "genesis_validators_root"), chain, 32))
		return fault(in, ETH_PROTECT_FORMAT, "metadata.genesis_validators_root");
	if (memcmp(chain, in->p->genesis_validators_root, 32))
		return fault(in, ETH_PROTECT_CHAIN, "metadata.genesis_validators_root");
	if (!json_is_array(data))
		return fault(in, ETH_PROTECT_FORMAT, "data");
	json_array_foreach(data, in->validator, validator)
	{
		rc = import_validator(in, validator);
		if (rc)
			break;
	}
	return rc;
}

int eth_protection_import(struct eth_protection *p, const char *json, size_t n, struct eth_import *report)
{
	struct import in = {.p = p, .report = report};
	json_error_t error;
	json_t *root;
	int rc;

	*report = (struct eth_import){0};
	root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fault(&in, ETH_PROTECT_JSON, "line %d, column %d: %.60s", error.line, error.column,
			     error.text);
	rc = protection_begin(p);
	if (rc == 0)
		rc = protection_end(p, import_document(&in, root));
	json_decref(root);
	return rc;
}

static void put_hex(char *out, const uint8_t *bytes, size_t n)
{
	memcpy(out, "0x", 3);
	for (size_t i = 0; i < n; i++)
		sprintf(out + 2 + 2 * i, "%02x", bytes[i]);
}

static void put_number(json_t *record, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	json_object_set_new(record, name, json_string(text));
}

/* Records of one validator; column `numbers` of each row is its signing root. */
static int export_list(struct eth_protection *p, enum statement which, int64_t id, json_t *list,
		       const char *const *names, int numbers)
{
	sqlite3_stmt *s = p->stmt[which];
	int rc;

	sqlite3_bind_int64(s, 1, id);
	while ((rc = protection_step(s)) == 1) {
		json_t *record = json_object();

		for (int i = 0; i < numbers; i++)
			put_number(record, names[i], sqlite3_column_int64(s, i));
		if (sqlite3_column_bytes(s, numbers) == 32) {
			char text[67];

			put_hex(text, sqlite3_column_blob(s, numbers), 32);
			json_object_set_new(record, "signing_root", json_string(text));
		}
		if (json_array_append_new(list, record))
			rc = ETH_PROTECT_MEMORY;
		if (rc < 0)
			break;
	}
	sqlite3_reset(s);
	return rc;
}

static int export_validators(struct eth_protection *p, json_t *data)
{
	static const char *const block[] = {"slot"}, *const vote[] = {"source_epoch", "target_epoch"};
	sqlite3_stmt *s = p->stmt[VALIDATOR_EACH];
	int rc;

	while ((rc = protection_step(s)) == 1) {
		json_t *v = json_object(), *blocks = json_array(), *votes = json_array();
		int64_t id = sqlite3_column_int64(s, 0);
		char key[99] = "";

		if (sqlite3_column_bytes(s, 1) != 48)
			rc = ETH_PROTECT_STORE;
		else
			put_hex(key, sqlite3_column_blob(s, 1), 48);
		json_object_set_new(v, "pubkey", json_string(key));
		if (rc == 1)
			rc = export_list(p, BLOCK_EACH, id, blocks, block, 1);
		if (rc == 0)
			rc = export_list(p, VOTE_EACH, id, votes, vote, 2);
		json_object_set_new(v, "signed_blocks", blocks);
		json_object_set_new(v, "signed_attestations", votes);
		if (json_array_append_new(data, v) && rc == 0)
			rc = ETH_PROTECT_MEMORY;
		if (rc)
			break;
	}
	sqlite3_reset(s);
	return rc;
}

int eth_protection_export(struct eth_protection *p, char **out, size_t *n)
{
	json_t *root = json_object(), *metadata = json_object(), *data = json_array();
	char chain[67];
	int rc;

	put_hex(chain, p->genesis_validators_root, 32);
	json_object_set_new(metadata, "interchange_format_version", json_string(FORMAT_VERSION));
	json_object_set_new(metadata, "genesis_validators_root", json_string(chain));
	json_object_set_new(root, "metadata", metadata);
	json_object_set_new(root, "data", data);
	*out = NULL;
	*n = 0;
	/* One snapshot, whatever others write meanwhile. */
	rc = protection_begin(p);
	if (rc == 0)
		rc = protection_end(p, export_validators(p, data));
	if (rc == 0) {
		*out = json_dumps(root, JSON_INDENT(2));
		*n = *out ? strlen(*out) : 0;
		rc = *out ? 0 : ETH_PROTECT_MEMORY;
	}
	json_decref(root);
	return rc;
}
