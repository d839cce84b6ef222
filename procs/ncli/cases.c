#include "procs/ncli/cases.h"
#include "procs/eth/snappy.h"
#include "procs/ncli/ncli.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Far above the largest file of any vectors; bounds what a bad archive can ask for. */
#define FILE_MAX (UINT64_C(1) << 30)

static struct ncli_file *add(struct ncli_set *set, const char *path, size_t n)
{
	if ((set->files & (set->files - 1)) == 0) {
		size_t room = set->files ? 2 * set->files : 1;
		struct ncli_file *grown = realloc(set->file, room * sizeof(*grown));

		if (!grown)
			return NULL;
		set->file = grown;
	}
	struct ncli_file *f = &set->file[set->files];

	*f = (struct ncli_file){.path = strdup(path), .p = malloc(n + 1), .n = n};
	if (!f->path || !f->p) {
		free(f->path);
		free(f->p);
		return NULL;
	}
	f->p[n] = 0;
	set->files++;
	return f;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct ncli_file *)a)->path, ((const struct ncli_file *)b)->path);
}

static int read_archive(struct ncli_set *set, struct archive *a)
{
	struct archive_entry *e;
	int r;

	while ((r = archive_read_next_header(a, &e)) == ARCHIVE_OK) {
		const char *path = archive_entry_pathname(e);
		int64_t n = archive_entry_size(e);

		if (archive_entry_filetype(e) != AE_IFREG || !path)
			continue;
		if (n < 0 || (uint64_t)n > FILE_MAX)
			return -1;
		while (!strncmp(path, "./", 2))
			path += 2;
		struct ncli_file *f = add(set, path, (size_t)n);

		if (!f || archive_read_data(a, f->p, f->n) != n)
			return -1;
	}
	return r == ARCHIVE_EOF ? 0 : -1;
}

int ncli_set_archive(struct ncli_set *set, const char *path, char *why, size_t size)
{
	struct archive *a = archive_read_new();
	int rc = -1;

	*set = (struct ncli_set){.source = strdup(path)};
	if (!a || !set->source) {
		snprintf(why, size, "%s: out of memory", path);
	} else {
		archive_read_support_format_tar(a);
		archive_read_support_filter_all(a);
		if (archive_read_open_filename(a, path, 1 << 16) == ARCHIVE_OK)
			rc = read_archive(set, a);
		if (rc)
			snprintf(why, size, "%s: %s", path,
				 archive_error_string(a) ? archive_error_string(a) : "out of memory");
	}
	archive_read_free(a);
	if (set->files)
		qsort(set->file, set->files, sizeof(*set->file), by_path);
	if (rc)
		ncli_set_free(set);
	return rc;
}

/* The bytes as they are, also compressed ones: a case may be about what is wrong with them. */
static int read_plain(struct ncli_set *set, const char *path, char *why, size_t size)
{
	FILE *f = fopen(path, "rb");
	long n;
	int rc;

	if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0 || (uint64_t)n > FILE_MAX) {
		snprintf(why, size, "%s: cannot be read (%s)", path, strerror(errno));
		if (f)
			fclose(f);
		return -1;
	}
	rewind(f);
	struct ncli_file *to = add(set, path, (size_t)n);

	rc = to && fread(to->p, 1, (size_t)n, f) == (size_t)n ? 0 : -1;
	if (rc)
		snprintf(why, size, "%s: cannot be read", path);
	fclose(f);
	return rc;
}

int ncli_set_directory(struct ncli_set *set, const char *path, char *why, size_t size)
{
	char *full = realpath(path, NULL), *roots[] = {full, NULL};
	FTS *walk = full ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
	FTSENT *e;
	int rc = walk ? 0 : -1;

	*set = (struct ncli_set){.source = strdup(path)};
	if (!walk || !set->source)
		snprintf(why, size, "%s: cannot be read (%s)", path, strerror(errno));
	while (rc == 0 && (e = fts_read(walk))) {
		size_t n = strlen(e->fts_name);

		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
			snprintf(why, size, "%s: cannot be read (%s)", e->fts_path, strerror(e->fts_errno));
			rc = -1;
		}
		if (e->fts_info == FTS_F && (n < 8 || strcmp(e->fts_name + n - 8, ".tar.zst")))
			rc = read_plain(set, e->fts_path, why, size);
	}
	if (walk)
		fts_close(walk);
	free(full);
	if (set->files)
		qsort(set->file, set->files, sizeof(*set->file), by_path);
	if (rc)
		ncli_set_free(set);
	return rc;
}

void ncli_set_free(struct ncli_set *set)
{
	for (size_t i = 0; i < set->files; i++) {
		free(set->file[i].path);
		free(set->file[i].p);
	}
	free(set->file);
	free(set->source);
	*set = (struct ncli_set){0};
}

const struct ncli_file *ncli_case_file(const struct ncli_case *c, const char *name)
{
	char path[PATH_MAX];
	struct ncli_file key = {.path = path};

	snprintf(path, sizeof(path), "%.*s%s", (int)c->dir_n, c->dir, name);
	return bsearch(&key, c->set->file + c->first, c->last - c->first, sizeof(key), by_path);
}

bool ncli_case_fail(struct ncli_case *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return false;
}

struct ncli_memory {
	struct ncli_memory *next;
};

void *ncli_case_alloc(struct ncli_case *c, size_t n)
{
	struct ncli_memory *m = NULL;

	/* The list's link lies in a line of its own in front, the memory ends where it was asked to. */
	if (n > SIZE_MAX - 192 || posix_memalign((void **)&m, 64, 64 + (n ? n : 1))) {
		ncli_case_fail(c, "out of memory");
		return NULL;
	}
	memset(m, 0, 64 + (n ? n : 1));
	m->next = c->memory;
	c->memory = m;
	return (uint8_t *)m + 64;
}

void ncli_case_clean(struct ncli_case *c)
{
	for (struct ncli_memory *m = c->memory, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	c->memory = NULL;
}

bool ncli_case_has(const struct ncli_case *c, const char *name)
{
	char full[200];

	snprintf(full, sizeof(full), "%s.ssz_snappy", name);
	if (ncli_case_file(c, full))
		return true;
	snprintf(full, sizeof(full), "%s.ssz", name);
	return ncli_case_file(c, full);
}

bool ncli_case_bytes(struct ncli_case *c, const char *name, const uint8_t **p, size_t *n)
{
	const struct ncli_file *f;
	char full[200];
	int rc;

	snprintf(full, sizeof(full), "%s.ssz", name);
	f = ncli_case_file(c, full);
	if (f) {
		uint8_t *copy = ncli_case_alloc(c, f->n);

		if (!copy)
			return false;
		memcpy(copy, f->p, f->n);
		*p = copy;
		*n = f->n;
		return true;
	}
	snprintf(full, sizeof(full), "%s.ssz_snappy", name);
	f = ncli_case_file(c, full);
	if (!f)
		return ncli_case_fail(c, "%s is missing", full);
	rc = eth_snappy_length(f->p, f->n, FILE_MAX, n);
	if (rc == 0) {
		uint8_t *out = ncli_case_alloc(c, *n);

		if (!out)
			return false;
		*p = out;
		rc = eth_snappy_decode(f->p, f->n, out, *n, n);
	}
	return rc == 0 || ncli_case_fail(c, "%s: %s", full, eth_strerror(rc));
}

bool ncli_case_value(struct ncli_case *c, const char *name, const struct ssz_type *t, struct ssz_view *v)
{
	struct ssz_fault fault;
	char text[200];
	int rc;

	if (!ncli_case_bytes(c, name, &v->p, &v->n))
		return false;
	v->type = t;
	rc = ssz_check(t, v->p, v->n, &fault);
	if (rc == 0)
		return true;
	ncli_describe_fault(text, sizeof(text), &fault, v->n, rc);
	return ncli_case_fail(c, "%s: no %s: %s", name, t->name, text);
}

bool ncli_case_root(struct ncli_case *c, const char *what, const uint8_t got[32], const uint8_t want[32])
{
	char a[67], b[67];

	if (!memcmp(got, want, 32))
		return true;
	ncli_hex(a, got);
	ncli_hex(b, want);
	return ncli_case_fail(c, "%s is %s, expected %s", what, a, b);
}

bool ncli_unhex(const char *text, uint8_t *out, size_t n)
{
	if (!text || text[0] != '0' || text[1] != 'x' || strlen(text) != 2 + 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char pair[3] = {text[2 + 2 * i], text[3 + 2 * i], 0};
		char *end;

		out[i] = (uint8_t)strtoul(pair, &end, 16);
		if (*end || strspn(pair, "0123456789abcdefABCDEF") != 2)
			return false;
	}
	return true;
}
