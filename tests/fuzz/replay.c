/* A fuzz target as a test, called replay_NAME: every file of tests/fuzz/corpus/NAME as it is, cut short at each length,
 * and with each of its bits flipped. Run from the top of the checkout; --tap=FILE as Criterion takes it. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* At its exact size on the heap, so that asan sees a read past the end. */
static int feed(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		return -1;
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return 0;
}

static int replay(const char *path)
{
	uint8_t data[4096];
	FILE *f = fopen(path, "rb");
	if (!f)
		return -1;
	size_t n = fread(data, 1, sizeof(data), f);
	fclose(f);
	int rc = feed(data, n);
	for (size_t cut = 0; cut < n; cut++)
		rc |= feed(data, cut);
	for (size_t bit = 0; bit < 8 * n; bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rc |= feed(data, n);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	return rc;
}

int main(int argc, char **argv)
{
	FILE *tap = stdout;
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--tap=", 6) == 0)
			tap = fopen(argv[i] + 6, "w");
	const char *base = strrchr(argv[0], '/'), *name = strstr(base ? base : argv[0], "replay_");
	char dir[256];
	snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name ? name + strlen("replay_") : argv[0]);
	DIR *d = opendir(dir);
	if (!tap || !d) {
		fprintf(stderr, "replay: can't open the output or %s\n", dir);
		return 1;
	}
	int n = 0, failed = 0;
	for (struct dirent *e; (e = readdir(d));) {
		char path[512];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%.200s", dir, e->d_name);
		int rc = replay(path);
		failed += rc != 0;
		fprintf(tap, "%s %d - %s\n", rc ? "not ok" : "ok", ++n, path);
		fflush(tap);
	}
	closedir(d);
	fprintf(tap, "1..%d\n", n);
	if (tap != stdout)
		fclose(tap);
	return failed || n == 0;
}
