#include "procs/ncli/ncli.h"
#include "procs/eth/types.h"
#include "procs/ncli/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ncli_hex(char out[67], const uint8_t bytes[32])
{
	out[0] = '0';
	out[1] = 'x';
	for (int i = 0; i < 32; i++)
		snprintf(out + 2 + 2 * i, 3, "%02x", bytes[i]);
}

enum ncli_status ncli_preset(const struct ncli *n, const struct eth_preset **out)
{
	const char *name = ncli_option_value(n, "preset");

	*out = name ? eth_preset_by_name(name) : eth_preset(ETH_MAINNET);
	return *out ? NCLI_OK
		    : ncli_fail(n, NCLI_USAGE, "unknown preset '%s'; there are mainnet and minimal", name);
}

enum ncli_status ncli_number(const struct ncli *n, const char *option, uint64_t min, uint64_t max,
			     uint64_t *out)
{
	const char *text = ncli_option_value(n, option);
	char *end;

	if (!text)
		return NCLI_OK;
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || errno || value < min || value > max)
		return ncli_fail(n, NCLI_USAGE, "--%s takes a number from %llu to %llu, not '%s'", option,
				 (unsigned long long)min, (unsigned long long)max, text);
	*out = value;
	return NCLI_OK;
}

void ncli_describe_fault(char *text, size_t size, const struct ssz_fault *f, size_t total, int code)
{
	int n = snprintf(text, size, "byte %zu of %zu, %s", f->at, total, f->type ? f->type->name : "value");

	if (f->field && n > 0 && (size_t)n < size)
		n += snprintf(text + n, size - (size_t)n, ", field %s", f->field);
	if (f->index != UINT64_MAX && n > 0 && (size_t)n < size)
		n += snprintf(text + n, size - (size_t)n, ", element %llu", (unsigned long long)f->index);
	if (n > 0 && (size_t)n < size)
		snprintf(text + n, size - (size_t)n, ": %s", eth_strerror(code));
}

enum ncli_status ncli_load(const struct ncli *n, const char *path, const struct ssz_type *t,
			   struct eth_file *f, struct ssz_view *view)
{
	struct ssz_fault fault;
	char line[512];
	int err, code = eth_file_read(path, ETH_FILE_LIMIT, f, &err);

	if (code) {
		eth_file_describe(line, sizeof(line), path, code, err);
		return ncli_fail(n, code == ETH_ERR_MEMORY ? NCLI_FAILED : NCLI_INPUT, "%s", line);
	}
	code = ssz_check(t, f->p, f->n, &fault);
	if (code) {
		ncli_describe_fault(line, sizeof(line), &fault, f->n, code);
		free(f->p);
		*f = (struct eth_file){0};
		return ncli_fail(n, NCLI_INPUT, "%s: no %s: %s", path, t->name, line);
	}
	*view = (struct ssz_view){t, f->p, f->n};
	return NCLI_OK;
}

enum ncli_status ncli_store(const struct ncli *n, const char *path, const void *p, size_t size)
{
	char line[512];
	int err, code = eth_file_write(path, p, size, &err);

	if (!code)
		return NCLI_OK;
	eth_file_describe(line, sizeof(line), path, code, err);
	return ncli_fail(n, NCLI_FAILED, "%s", line);
}

/* The file of the only operand, as --preset and --type say. */
static enum ncli_status load_operand(struct ncli *n, struct eth_file *f, struct ssz_view *view)
{
	const char *name = ncli_option_value(n, "type");
	const struct eth_preset *preset;
	enum ncli_status status = ncli_preset(n, &preset);

	if (status)
		return status;
	const struct ssz_type *t = eth_type_by_name(preset->id, name);

	if (!t)
		return ncli_fail(n, NCLI_USAGE, "unknown type '%s'", name);
	return ncli_load(n, n->operand[0], t, f, view);
}

enum ncli_status ncli_run_root(struct ncli *n)
{
	struct eth_file f;
	struct ssz_view v;
	uint8_t root[32];
	char text[67];
	enum ncli_status status = load_operand(n, &f, &v);

	if (status)
		return status;
	ssz_root(v.type, v.p, v.n, root);
	free(f.p);
	ncli_hex(text, root);
	puts(text);
	return NCLI_OK;
}

enum ncli_status ncli_run_pretty(struct ncli *n)
{
	struct eth_file f;
	struct ssz_view v;
	enum ncli_status status = load_operand(n, &f, &v);

	if (status)
		return status;
	json_t *value = ncli_json(v);

	free(f.p);
	if (!value)
		return ncli_fail(n, NCLI_FAILED, "%s: out of memory", n->operand[0]);
	if (json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) || putchar('\n') == EOF)
		status = ncli_fail(n, NCLI_FAILED, "standard output cannot be written");
	json_decref(value);
	return status;
}
