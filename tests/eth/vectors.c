#include "tests/eth/vectors.h"
#include "procs/eth/snappy.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

char *vec_path(const char *name)
{
	const char *folder = getenv("VECTORS"), *ci = getenv("CI");
	char *path;

	cr_assert(asprintf(&path, "%s/%s", folder ? folder : "../shared/vectors", name) > 0);
	if (access(path, R_OK)) {
		cr_assert(!ci || strcmp(ci, "true"), "test data is missing: %s", path);
		cr_skip_test("test data is missing: %s", path);
	}
	return path;
}

static struct vec_case *case_at(struct vec_set *set, const char *path, size_t len)
{
	struct vec_case *c = set->n ? &set->cases[set->n - 1] : NULL;

	if (c && strlen(c->path) == len && !memcmp(c->path, path, len))
		return c;
	set->cases = realloc(set->cases, (set->n + 1) * sizeof(*set->cases));
	cr_assert(set->cases);
	set->cases[set->n] = (struct vec_case){.path = strndup(path, len)};
	return &set->cases[set->n++];
}

static void add_file(struct vec_set *set, struct archive *a, struct archive_entry *e)
{
	const char *path = archive_entry_pathname(e), *slash = strrchr(path, '/');
	size_t n = (size_t)archive_entry_size(e);
	struct vec_case *c = case_at(set, path, slash ? (size_t)(slash - path) : 0);
	struct vec_file f = {.name = strdup(slash ? slash + 1 : path), .p = malloc(n ? n : 1), .n = n};

	cr_assert(f.p && archive_read_data(a, f.p, n) == (la_ssize_t)n, "%s: cannot be read", path);
	c->file = realloc(c->file, (c->files + 1) * sizeof(f));
	cr_assert(c->file);
	c->file[c->files++] = f;
}

struct vec_set vec_open(const char *name)
{
	struct vec_set set = {0};
	struct archive *a = archive_read_new();
	struct archive_entry *e;
	char *path = vec_path(name);
	int r;

	archive_read_support_format_tar(a);
	archive_read_support_filter_zstd(a);
	cr_assert(archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK, "%s: %s", path,
		  archive_error_string(a));
	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK)
		if (archive_entry_filetype(e) == AE_IFREG)
			add_file(&set, a, e);
	cr_assert(r == ARCHIVE_EOF, "%s: %s", path, archive_error_string(a));
	archive_read_free(a);
	free(path);
	return set;
}

void vec_close(struct vec_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		for (size_t j = 0; j < set->cases[i].files; j++) {
			free(set->cases[i].file[j].name);
			free(set->cases[i].file[j].p);
		}
		free(set->cases[i].file);
		free(set->cases[i].path);
	}
	free(set->cases);
	*set = (struct vec_set){0};
}

const struct vec_file *vec_file(const struct vec_case *c, const char *name)
{
	for (size_t i = 0; i < c->files; i++)
		if (!strcmp(c->file[i].name, name))
			return &c->file[i];
	return NULL;
}

uint8_t *vec_ssz(const struct vec_case *c, const char *name, size_t *n)
{
	const struct vec_file *f;
	char full[256];

	snprintf(full, sizeof(full), "%s.ssz_snappy", name);
	f = vec_file(c, full);
	if (!f)
		return NULL;
	cr_assert(eth_snappy_length(f->p, f->n, SIZE_MAX, n) == 0, "%s/%s", c->path, full);
	uint8_t *p = malloc(*n ? *n : 1);
	cr_assert(p && eth_snappy_decode(f->p, f->n, p, *n, n) == 0, "%s/%s", c->path, full);
	return p;
}

bool vec_yaml(const struct vec_file *f, const char *key, char *value, size_t size)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	bool found = false;

	if (!f)
		return false;
	cr_assert(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, f->p, f->n);
	cr_assert(yaml_parser_load(&parser, &doc), "%s: %s", f->name, parser.problem);
	yaml_node_t *root = yaml_document_get_root_node(&doc);
	if (root && root->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *p = root->data.mapping.pairs.start; p < root->data.mapping.pairs.top;
		     p++) {
			yaml_node_t *k = yaml_document_get_node(&doc, p->key);
			yaml_node_t *v = yaml_document_get_node(&doc, p->value);

			if (k->type != YAML_SCALAR_NODE || v->type != YAML_SCALAR_NODE ||
			    strcmp((char *)k->data.scalar.value, key))
				continue;
			snprintf(value, size, "%s", (char *)v->data.scalar.value);
			found = true;
		}
	}
	yaml_document_delete(&doc);
	yaml_parser_delete(&parser);
	return found;
}

void vec_hex(const char *text, uint8_t *out, size_t n)
{
	cr_assert(!strncmp(text, "0x", 2) && strlen(text) == 2 + 2 * n, "not %zu bytes of hex: %s", n, text);
	for (size_t i = 0; i < n; i++)
		cr_assert(sscanf(text + 2 + 2 * i, "%2hhx", &out[i]) == 1);
}

void vec_component(const char *path, unsigned idx, char *out, size_t size)
{
	for (; idx && path; idx--)
		if ((path = strchr(path, '/')))
			path++;
	cr_assert(path);
	snprintf(out, size, "%.*s", (int)strcspn(path, "/"), path);
}
