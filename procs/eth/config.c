#include "procs/eth/config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct eth_config eth_config_default(enum eth_preset_id preset)
{
	struct eth_config c = {.preset = preset};
	bool minimal = preset == ETH_MINIMAL;

	strcpy(c.name, eth_preset(preset)->name);
	c.genesis_fork_version[3] = minimal;
#define X(field, official, mainnet, minimal_) c.field = minimal ? UINT64_C(minimal_) : UINT64_C(mainnet);
	ETH_CONFIG_NUMBERS(X)
#undef X
	return c;
}

static bool number(const char *text, uint64_t *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &end, 10);
	return errno == 0 && *end == 0;
}

static bool version(const char *text, uint8_t out[4])
{
	unsigned b[4];
	int end = 0;

	if (sscanf(text, "0x%2x%2x%2x%2x%n", &b[0], &b[1], &b[2], &b[3], &end) != 4 || end != 10 || text[end])
		return false;
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)b[i];
	return true;
}

static bool set_value(struct eth_config *c, const char *key, const char *value)
{
	if (!strcmp(key, "GENESIS_FORK_VERSION"))
		return version(value, c->genesis_fork_version);
	if (!strcmp(key, "CONFIG_NAME")) {
		snprintf(c->name, sizeof(c->name), "%s", value);
		return true;
	}
#define X(field, official, mainnet, minimal) \
	if (!strcmp(key, #official))         \
		return number(value, &c->field);
	ETH_CONFIG_NUMBERS(X)
#undef X
	return true;
}

/* The rules divide by these. */
static bool usable(const struct eth_config *c, const char *key)
{
	if (!strcmp(key, "SECONDS_PER_SLOT"))
		return c->seconds_per_slot > 0 && c->seconds_per_slot <= UINT64_C(1) << 32;
	if (!strcmp(key, "CHURN_LIMIT_QUOTIENT"))
		return c->churn_limit_quotient > 0;
	if (!strcmp(key, "ATTESTATION_SUBNET_COUNT"))
		return c->attestation_subnet_count > 0;
	return true;
}

static int fault(struct eth_config_fault *opt, size_t line, const char *key, int code)
{
	if (opt) {
		opt->line = line + 1;
		snprintf(opt->key, sizeof(opt->key), "%s", key);
	}
	return code;
}

static const char *scalar(yaml_document_t *doc, int id)
{
	yaml_node_t *n = yaml_document_get_node(doc, id);

	return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static int read_mapping(yaml_document_t *doc, struct eth_config *c, struct eth_config_fault *opt)
{
	yaml_node_t *root = yaml_document_get_root_node(doc);

	if (!root || root->type != YAML_MAPPING_NODE)
		return fault(opt, 0, "", ETH_ERR_CONFIG_SYNTAX);
	/* PRESET_BASE chooses the defaults wherever in the file it stands. */
	for (int pass = 0; pass < 2; pass++) {
		for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
		     p++) {
			const char *key = scalar(doc, p->key), *value = scalar(doc, p->value);
			size_t line = yaml_document_get_node(doc, p->key)->start_mark.line;
			bool base = key && !strcmp(key, "PRESET_BASE");

			if (!key)
				return fault(opt, line, "", ETH_ERR_CONFIG_SYNTAX);
			if (pass == 0 && base) {
				const struct eth_preset *preset = value ? eth_preset_by_name(value) : NULL;

				if (!preset)
					return fault(opt, line, key, ETH_ERR_CONFIG_PRESET);
				*c = eth_config_default(preset->id);
			}
			if (pass == 1 && value && (!set_value(c, key, value) || !usable(c, key)))
				return fault(opt, line, key, ETH_ERR_CONFIG_VALUE);
		}
	}
	return 0;
}

int eth_config_parse(const char *text, size_t n, enum eth_preset_id preset_if_absent,
		     struct eth_config *config, struct eth_config_fault *opt_fault)
{
	struct eth_config c = eth_config_default(preset_if_absent);
	yaml_parser_t parser;
	yaml_document_t doc;
	int r;

	if (!yaml_parser_initialize(&parser))
		return ETH_ERR_MEMORY;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (yaml_parser_load(&parser, &doc)) {
		r = read_mapping(&doc, &c, opt_fault);
		yaml_document_delete(&doc);
	} else {
		r = fault(opt_fault, parser.problem_mark.line, "", ETH_ERR_CONFIG_SYNTAX);
	}
	yaml_parser_delete(&parser);
	if (!r)
		*config = c;
	return r;
}
