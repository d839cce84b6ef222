// A topology file of any bytes: read, checked, planned and drawn. A file that is refused has a message of one line with
// a place in the file; what is taken can be drawn. A first line "#set NAME=VALUE" is also given as --set.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "supervisor/picture.h"
#include "supervisor/plan.h"
#include "supervisor/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok, const char *what, const struct fail *fail)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_topology: %s: status %d, '%s'\n", what, (int)fail->status, fail->text);
	abort();
}

static void refused(const struct fail *fail)
{
	must(fail->status == SUP_TOPOLOGY || fail->status == SUP_USAGE, "refused with another status", fail);
	must(fail->text[0] && !strchr(fail->text, '\n'), "not one line", fail);
	must(fail->status == SUP_USAGE || strncmp(fail->text, "/proc/", 6) == 0 ||
		     strstr(fail->text, "/proc/") != NULL,
	     "names no file", fail);
}

static void draw(const struct topo *t)
{
	struct fail fail = {SUP_OK, ""};
	struct plan *plan;
	char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (plan_make(&plan, t, NULL, &fail)) {
		refused(&fail);
		return;
	}
	f = open_memstream(&text, &len);
	if (f) {
		// Sizes that no segment can have are the library's to refuse.
		int rc = picture_draw(f, plan, &fail);

		fclose(f);
		must(rc ? fail.text[0] != 0 : len > 0, "nothing drawn", &fail);
		free(text);
	}
	plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fail fail = {SUP_OK, ""};
	const char *sets[1];
	char path[64], set[128] = "";
	struct topo *t;
	int fd = memfd_create("topology", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (size > 5 && memcmp(data, "#set ", 5) == 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = (size_t)((end ? end : data + size) - data) - 5;

		snprintf(set, sizeof(set), "%.*s", (int)(len < 100 ? len : 100), (const char *)data + 5);
	}
	sets[0] = set;
	if (topo_load(&t, path, sets, set[0] != 0, &fail))
		refused(&fail);
	else
		draw(t);
	topo_free(t);
	close(fd);
	return 0;
}
