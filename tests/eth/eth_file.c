#include "procs/eth/eth_file.h"
#include "procs/eth/snappy.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void setup(void)
{
	strcpy(folder, "/tmp/eth_file.XXXXXX");
	cr_assert(mkdtemp(folder));
}

static void teardown(void)
{
	static const char *const names[] = {"a.ssz", "a.ssz_snappy", "b.ssz_snappy"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	cr_assert(rmdir(folder) == 0);
}

static const char *in_folder(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

TestSuite(eth_file, .init = setup, .fini = teardown);

Test(eth_file, written_and_read)
{
	uint8_t data[5000], back[5000];
	struct eth_file f;
	struct stat st;
	size_t n;

	memset(data, 'x', sizeof(data));
	for (int i = 0; i < 2; i++) {
		const char *path = in_folder(i ? "a.ssz_snappy" : "a.ssz");

		cr_assert(eth_file_write(path, data, sizeof(data), NULL) == 0);
		cr_assert(stat(path, &st) == 0 && (st.st_size < 5000) == (i == 1));
		cr_assert(eth_file_read(path, sizeof(data), &f, NULL) == 0);
		cr_assert(f.n == sizeof(data) && !memcmp(f.p, data, f.n));
		free(f.p);
		cr_assert(eth_file_read_into(path, back, sizeof(back), &n, NULL) == 0 && n == sizeof(data));
		cr_assert(eth_file_read(path, sizeof(data) - 1, &f, NULL) ==
			  (i ? ETH_ERR_SNAPPY_LIMIT : ETH_ERR_FILE_LIMIT));
		cr_assert(!f.p && !f.n);
	}
}

Test(eth_file, what_is_wrong_is_named)
{
	struct eth_file f;
	char line[256];
	int err;

	cr_assert(eth_file_read(in_folder("a.ssz"), 100, &f, &err) == ETH_ERR_FILE_OPEN && err == ENOENT);
	eth_file_describe(line, sizeof(line), "a.ssz", ETH_ERR_FILE_OPEN, err);
	cr_assert(!strcmp(line, "a.ssz: cannot be opened (No such file or directory)"), "%s", line);
	cr_assert(eth_file_read(folder, 100, &f, &err) == ETH_ERR_FILE_KIND && err == 0);
	FILE *out = fopen(in_folder("b.ssz_snappy"), "w");
	cr_assert(out && fputs("\x05nonsense", out) >= 0 && fclose(out) == 0);
	cr_assert(eth_file_read(in_folder("b.ssz_snappy"), 100, &f, &err) == ETH_ERR_SNAPPY_DATA);
	eth_file_describe(line, sizeof(line), "b.ssz_snappy", ETH_ERR_SNAPPY_DATA, err);
	cr_assert(!strcmp(line,
			  "b.ssz_snappy: snappy: data is corrupt or does not give the length it declares"));
	cr_assert(eth_file_write("/nonexistent/a.ssz", "x", 1, &err) == ETH_ERR_FILE_OPEN && err == ENOENT);
}
