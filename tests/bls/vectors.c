#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/bls/vectors.h"

static int run_entry(struct archive *a, struct archive_entry *e,
		     void (*check)(const char *, const json_t *, const json_t *))
{
	size_t size = (size_t)archive_entry_size(e);
	char *text = malloc(size + 1);
	json_error_t error;
	json_t *root = NULL;
	if (text && archive_read_data(a, text, size) == (la_ssize_t)size)
		root = json_loadb(text, size, JSON_DECODE_ANY, &error);
	free(text);
	if (!root)
		return -1;
	const char *path = archive_entry_pathname(e);
	check(strrchr(path, '/') + 1, json_object_get(root, "input"), json_object_get(root, "output"));
	json_decref(root);
	return 1;
}

int vectors_each(const char *kind, void (*check)(const char *, const json_t *, const json_t *))
{
	const char *dir = getenv("VECTORS");
	char path[4096], prefix[64];
	snprintf(path, sizeof(path), "%s/bls.tar.zst", dir ? dir : "../shared/vectors");
	snprintf(prefix, sizeof(prefix), "bls/json/%s/", kind);
	struct archive *a = archive_read_new();
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	int n = 0;
	if (archive_read_open_filename(a, path, 1 << 16) != ARCHIVE_OK) {
		fprintf(stderr, "%s can't be read: %s; VECTORS names the directory of test vectors\n", path,
			archive_error_string(a));
		n = -1;
	}
	struct archive_entry *e;
	while (n >= 0 && archive_read_next_header(a, &e) == ARCHIVE_OK) {
		const char *name = archive_entry_pathname(e);
		while (name[0] == '.' && name[1] == '/')
			name += 2;
		if (strncmp(name, prefix, strlen(prefix)) || !strstr(name, ".json"))
			continue;
		if (run_entry(a, e, check) < 0) {
			fprintf(stderr, "%s: %s is not readable JSON\n", path, name);
			n = -1;
		} else {
			n++;
		}
	}
	archive_read_free(a);
	return n;
}

long vectors_hex(const json_t *value, uint8_t *out, size_t cap)
{
	const char *s = json_string_value(value);
	if (!s || strncmp(s, "0x", 2))
		return -1;
	s += 2;
	size_t n = strlen(s) / 2;
	for (size_t i = 0; i < n && i < cap; i++) {
		unsigned v;
		if (sscanf(s + 2 * i, "%2x", &v) != 1)
			return -1;
		out[i] = (uint8_t)v;
	}
	return (long)n;
}
