#include "supervisor/keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "supervisor/rundir.h"

#define MAGIC UINT64_C(0x7065656b70756873)

struct group_cell {
	_Atomic uint32_t turn;
	struct keep_group copy[2];
};

struct service_cell {
	_Atomic uint32_t turn;
	struct keep_service copy[2];
};

struct file {
	uint64_t magic, layout;
	struct group_cell group;
	struct service_cell services[SHMCHAN_SLOT_MAX];
};

struct keep {
	struct file *file;
};

uint64_t keep_layout(void)
{
	static const uint32_t shape[] = {
		KEEP_VERSION,
		SHMCHAN_SLOT_MAX,
		SVC_STATE_CNT,
		sizeof(struct keep_group),
		offsetof(struct keep_group, adoptions),
		offsetof(struct keep_group, broken),
		sizeof(struct keep_service),
		offsetof(struct keep_service, spawns),
		offsetof(struct keep_service, history),
		offsetof(struct keep_service, last),
		offsetof(struct keep_service, status),
	};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		h = (h ^ shape[i]) * UINT64_C(0x100000001b3);
	return h;
}

static int map_file(struct keep **out, int fd, const char *path, struct fail *fail)
{
	struct keep *k = calloc(1, sizeof(*k));
	void *at = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (!k || at == MAP_FAILED) {
		fail_set(fail, SUP_SYSTEM, "can't map %s: %s", path, strerror(k ? errno : ENOMEM));
		free(k);
		return -1;
	}
	k->file = at;
	*out = k;
	return 0;
}

int keep_create(struct keep **out, const char *group, struct fail *fail)
{
	char path[RUNDIR_PATH_MAX];
	int fd;

	*out = NULL;
	if (rundir_socket(path, group, "state", fail))
		return -1;
	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	// Its memory is had now: a store that finds none would kill the supervisor.
	if (fd < 0 || (errno = posix_fallocate(fd, 0, sizeof(struct file)))) {
		fail_set(fail, SUP_SYSTEM, "can't make %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (map_file(out, fd, path, fail))
		return -1;
	(*out)->file->layout = keep_layout();
	atomic_thread_fence(memory_order_release); // with its magic it has its layout
	(*out)->file->magic = MAGIC;
	return 0;
}

int keep_open(struct keep **out, const char *group, struct fail *fail)
{
	char path[RUNDIR_PATH_MAX];
	struct stat st;
	int fd;

	*out = NULL;
	if (rundir_socket(path, group, "state", fail))
		return -1;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return fail_set(fail, SUP_NO_GROUP, "there is no group '%s' to adopt (no file %s)", group,
				path);
	if (fd < 0)
		return fail_set(fail, SUP_SYSTEM, "can't open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && st.st_size == 0) { // killed right after it was made: there is no group yet
		close(fd);
		return fail_set(fail, SUP_NO_GROUP, "there is no group '%s' to adopt", group);
	}
	if (fstat(fd, &st) || st.st_uid != geteuid() || st.st_size != sizeof(struct file)) {
		close(fd);
		return fail_set(fail, SUP_DIFFERS,
				"can't adopt group '%s': %s was written by a shmsup of another layout", group,
				path);
	}
	if (map_file(out, fd, path, fail))
		return -1;
	if ((*out)->file->magic && ((*out)->file->magic != MAGIC || (*out)->file->layout != keep_layout())) {
		keep_close(*out);
		*out = NULL;
		return fail_set(fail, SUP_DIFFERS,
				"can't adopt group '%s': %s was written by a shmsup of another layout", group,
				path);
	}
	return 0;
}

void keep_close(struct keep *k)
{
	if (!k)
		return;
	munmap(k->file, sizeof(*k->file));
	free(k);
}

void keep_remove(const char *group)
{
	char path[RUNDIR_PATH_MAX];
	struct fail fail;

	if (rundir_socket(path, group, "state", &fail) == 0)
		unlink(path);
}

// Release: whoever finds the turn finds the copy. A process that is killed has done all stores before the one it was killed at.
#define PUT(cell, value)                                                                                     \
	do {                                                                                                 \
		uint32_t turn = atomic_load_explicit(&(cell)->turn, memory_order_relaxed) + 1;               \
		(cell)->copy[turn & 1] = *(value);                                                           \
		atomic_store_explicit(&(cell)->turn, turn, memory_order_release);                            \
	} while (0)
// Acquire pairs with that release, of a supervisor that is dead.
#define GET(cell) ((cell)->copy[atomic_load_explicit(&(cell)->turn, memory_order_acquire) & 1])

void keep_put_service(struct keep *k, unsigned slot, const struct keep_service *s)
{
	if (k)
		PUT(&k->file->services[slot], s);
}

void keep_get_service(const struct keep *k, unsigned slot, struct keep_service *out)
{
	*out = GET(&k->file->services[slot]);
}

void keep_put_group(struct keep *k, const struct keep_group *g)
{
	if (k)
		PUT(&k->file->group, g);
}

void keep_get_group(const struct keep *k, struct keep_group *out)
{
	*out = GET(&k->file->group);
}
