#include "procs/ncli/layout.h"
#include "procs/ncli/run.h"
#include "procs/ncli/yaml.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ncli_layout official[] = {
	{"ssz_static", ncli_case_ssz_static},   {"ssz_generic", ncli_case_ssz_generic},
	{"operations", ncli_case_operations},   {"epoch_processing", ncli_case_epoch_processing},
	{"sanity", ncli_case_blocks},           {"finality", ncli_case_blocks},
	{"random", ncli_case_blocks},           {"rewards", ncli_case_rewards},
	{"shuffling", ncli_case_shuffling},     {"genesis", ncli_case_genesis},
	{"fork_choice", ncli_case_fork_choice},
};
static const struct ncli_layout bls = {"bls", ncli_case_bls},
				protection = {"slashing-protection", ncli_case_protection},
				config = {"config", ncli_case_config}, chain = {"chain", ncli_case_chain},
				genesis = {"genesis state", ncli_case_network_genesis},
				network = {"network blocks", ncli_case_network_blocks},
				unknown = {"unknown", ncli_case_unknown};

const struct ncli_layout *ncli_official_layout(const char *runner)
{
	for (size_t i = 0; i < sizeof(official) / sizeof(official[0]); i++)
		if (!strcmp(official[i].name, runner))
			return &official[i];
	return NULL;
}

bool ncli_case_unknown(struct ncli_case *c)
{
	return ncli_case_fail(c, "format is not known");
}

static struct ncli_case *add(struct ncli_cases *cases, const struct ncli_set *set, size_t first,
			     const struct ncli_layout *layout)
{
	if (cases->n == cases->room) {
		size_t room = cases->room ? 2 * cases->room : 64;
		struct ncli_case *grown = realloc(cases->item, room * sizeof(*grown));

		if (!grown)
			return NULL;
		cases->item = grown;
		cases->room = room;
	}
	struct ncli_case *c = &cases->item[cases->n++];

	*c = (struct ncli_case){.set = set,
				.dir = set->file[first].path,
				.first = first,
				.last = first + 1,
				.layout = layout};
	return c;
}

/* The next part of a path: its start, its length in *n; NULL where there is none or no '/' behind it. */
static const char *part(const char **rest, size_t *n)
{
	const char *start = *rest, *slash = start ? strchr(start, '/') : NULL;

	*rest = slash ? slash + 1 : NULL;
	*n = slash ? (size_t)(slash - start) : 0;
	return slash ? start : NULL;
}

/* tests/<preset>/<fork>/<runner>/<handler>/<suite>/<case>/, behind any folders. */
static bool official_case(const char *path, struct ncli_case *c)
{
	for (const char *at = path; at; at = strchr(at, '/') ? strchr(at, '/') + 1 : NULL) {
		const char *rest = at, *piece[7];
		size_t n[7];
		int i = 0;

		if (strncmp(at, "tests/", 6))
			continue;
		while (i < 7 && (piece[i] = part(&rest, &n[i])))
			i++;
		if (i < 7)
			return false;
		char preset[32];

		snprintf(preset, sizeof(preset), "%.*s", (int)n[1], piece[1]);
		const struct eth_preset *p = eth_preset_by_name(preset);

		/* "general" stands for types that no preset changes. */
		if (!p && strcmp(preset, "general"))
			continue;
		c->preset = p ? p->id : ETH_MAINNET;
		snprintf(c->runner, sizeof(c->runner), "%.*s", (int)n[3], piece[3]);
		snprintf(c->handler, sizeof(c->handler), "%.*s", (int)n[4], piece[4]);
		snprintf(c->suite, sizeof(c->suite), "%.*s", (int)n[5], piece[5]);
		snprintf(c->name, sizeof(c->name), "%.*s", (int)n[6], piece[6]);
		c->dir_n = (size_t)(rest - path);
		c->layout =
			n[2] == 6 && !strncmp(piece[2], "phase0", 6) ? ncli_official_layout(c->runner) : NULL;
		if (!c->layout)
			c->layout = &unknown;
		return true;
	}
	return false;
}

/* How many files from `first` on are below the directory of the file's first `n` bytes. */
static size_t below(const struct ncli_set *set, size_t first, size_t n)
{
	size_t last = first;

	while (last < set->files && !strncmp(set->file[last].path, set->file[first].path, n))
		last++;
	return last;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* bls/json/<kind>/<case>.json, of which bls/yaml/<kind>/<case>.yaml is the other form. */
static bool bls_case(struct ncli_case *c, const char *path)
{
	const char *at = !strncmp(path, "bls/json/", 9) ? path : strstr(path, "/bls/json/");
	const char *rest, *kind, *dot = strrchr(path, '.');
	size_t n;

	if (!at || !dot || strcmp(dot, ".json"))
		return false;
	at += *at == '/';
	rest = at + 9;
	kind = part(&rest, &n);
	if (!kind || strchr(rest, '/'))
		return false;
	snprintf(c->handler, sizeof(c->handler), "%.*s", (int)n, kind);
	snprintf(c->name, sizeof(c->name), "%.*s", (int)(dot - rest), rest);
	c->dir_n = (size_t)(at - path) + 4;
	/* Both forms lie under the directory "bls". */
	c->first = 0;
	c->last = c->set->files;
	c->layout = &bls;
	return true;
}

static bool is_document(const char *path)
{
	static const char *const name[] = {"README.md", "schema.json", "LICENSE", ".gitignore"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strcmp(base_of(path), name[i]))
			return true;
	return false;
}

/* Files that are a case by themselves. */
static void single_case(struct ncli_case *c, const char *path)
{
	const char *base = base_of(path);
	size_t n = strlen(base);

	c->dir_n = (size_t)(base - path);
	snprintf(c->name, sizeof(c->name), "%s", base);
	if (strstr(path, "slashing-protection") && strstr(path, "tests/generated/") && n > 5 &&
	    !strcmp(base + n - 5, ".json")) {
		c->layout = &protection;
	} else if (sscanf(base, "config-%31[a-z].yaml", c->handler) == 1 ||
		   sscanf(base, "preset-%31[a-z]-phase0.yaml", c->handler) == 1) {
		const struct eth_preset *p = eth_preset_by_name(c->handler);

		c->layout = p ? &config : &unknown;
		c->preset = p ? p->id : ETH_MAINNET;
	} else if (!strcmp(base, "mainnet-genesis.ssz_snappy")) {
		c->name[strcspn(c->name, ".")] = 0;
		c->layout = &genesis;
	}
}

static bool has(const struct ncli_set *set, const char *dir, size_t n, const char *name)
{
	for (size_t i = 0; i < set->files; i++)
		if (!strncmp(set->file[i].path, dir, n) && !strcmp(set->file[i].path + n, name))
			return true;
	return false;
}

/* A directory of blocks with expected.json. */
static bool network_case(struct ncli_case *c, const char *path)
{
	size_t n = (size_t)(base_of(path) - path);

	if (!has(c->set, path, n, "expected.json"))
		return false;
	c->dir_n = n;
	c->last = below(c->set, c->first, n);
	c->layout = &network;
	return true;
}

/* The length of the directory, of those that `path` lies in, that holds a chain; 0 where none does. */
static size_t chain_root(const struct ncli_set *set, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash + 1 - path);

		if (has(set, path, n, "summary.json") && has(set, path, n, "steps.yaml"))
			return n;
	}
	return 0;
}

static struct ncli_case *chain_part(struct ncli_cases *cases, const struct ncli_case *like, const char *name)
{
	struct ncli_case *c = add(cases, like->set, like->first, &chain);

	if (!c)
		return NULL;
	*c = *like;
	c->layout = &chain;
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

/* A chain is several cases: its parts, and each of the files that must be refused. */
static int chain_cases(struct ncli_cases *cases, const struct ncli_set *set, size_t first, size_t dir_n,
		       size_t *next)
{
	static const char *const part_of[] = {"steps", "blocks", "epochs", "gossip"};
	struct ncli_case like = {.set = set, .dir = set->file[first].path, .dir_n = dir_n, .first = first};
	struct ncli_yaml y;
	char preset[32] = "";
	int rc = 0;

	like.last = *next = below(set, first, dir_n);
	if (ncli_yaml_open(&like, "summary.json", &y)) {
		const char *text = ncli_yaml_text(ncli_yaml_get(&y, y.root, "preset"));

		snprintf(preset, sizeof(preset), "%s", text ? text : "");
		ncli_yaml_close(&y);
	}
	const struct eth_preset *p = eth_preset_by_name(preset);

	if (!p)
		return add(cases, set, first, &unknown) ? 0 : -1;
	like.preset = p->id;
	for (int i = 0; rc == 0 && i < 4; i++)
		if (i != 3 || ncli_case_file(&like, "gossip.json"))
			rc = chain_part(cases, &like, part_of[i]) ? 0 : -1;
	if (rc || !ncli_case_file(&like, "invalid.json") || !ncli_yaml_open(&like, "invalid.json", &y))
		return rc;
	for (size_t i = 0; rc == 0 && i < ncli_yaml_length(y.root); i++) {
		const char *file = ncli_yaml_text(ncli_yaml_get(&y, ncli_yaml_at(&y, y.root, i), "file"));
		struct ncli_case *c = chain_part(cases, &like, file ? file : "invalid");

		rc = c ? 0 : -1;
		if (c)
			snprintf(c->suite, sizeof(c->suite), "%zu", i);
	}
	ncli_yaml_close(&y);
	return rc;
}

/* Adds the case (or cases) that file `i` begins; `*next` is the first file behind them. */
static int find_at(struct ncli_cases *cases, const struct ncli_set *set, size_t i, size_t *next)
{
	const char *path = set->file[i].path;

	*next = i + 1;
	if (is_document(path))
		return 0;
	size_t root = chain_root(set, path);

	if (root)
		return chain_cases(cases, set, i, root, next);
	struct ncli_case *c = add(cases, set, i, &unknown);

	if (!c)
		return -1;
	if (official_case(path, c)) {
		*next = c->last = below(set, i, c->dir_n);
		return 0;
	}
	if (bls_case(c, path))
		return 0;
	if (strstr(path, "bls/yaml/")) {
		cases->n--;
		return 0;
	}
	if (network_case(c, path))
		*next = c->last;
	else
		single_case(c, path);
	return 0;
}

int ncli_cases_find(struct ncli_cases *cases, const struct ncli_set *set)
{
	size_t next;

	*cases = (struct ncli_cases){0};
	for (size_t i = 0; i < set->files; i = next) {
		if (find_at(cases, set, i, &next)) {
			ncli_cases_free(cases);
			return -1;
		}
	}
	return 0;
}

void ncli_cases_free(struct ncli_cases *cases)
{
	free(cases->item);
	*cases = (struct ncli_cases){0};
}

void ncli_case_title(const struct ncli_case *c, char *out, size_t size)
{
	const char *path = c->set->file[c->first].path;
	const char *dot = strchr(base_of(path), '.');

	if (c->layout == &bls)
		snprintf(out, size, "%s: bls/%s/%s", c->set->source, c->handler, c->name);
	else if (c->layout == &chain)
		snprintf(out, size, "%s: %.*s%s", c->set->source, (int)c->dir_n, c->dir, c->name);
	else if (c->last > c->first + 1 && c->dir_n)
		snprintf(out, size, "%s: %.*s", c->set->source, (int)c->dir_n - 1, c->dir);
	else
		snprintf(out, size, "%s: %.*s", c->set->source, dot ? (int)(dot - path) : (int)strlen(path),
			 path);
}
