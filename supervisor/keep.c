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

struct poison_cell {
	_Atomic uint32_t turn;
	struct poison_state copy[2];
	_Atomic uint64_t letters; // if it is more than that of the copy
};

// Its number is stored last, and 0 before it is overwritten.
struct event_cell {
	_Atomic uint64_t n;
	uint32_t len; // 0: it was too long
	char line[KEEP_EVENT_MAX];
};

struct file {
	uint64_t magic, layout;
	struct group_cell group;
	struct poison_cell poison;
	struct event_cell events[KEEP_EVENT_CNT];
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
		offsetof(struct keep_service, hang),
		sizeof(struct poison_state),
		offsetof(struct poison_state, parked),
		sizeof(struct event_cell),
		KEEP_EVENT_CNT,
	};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		h = (h ^ shape[i]) * UINT64_C(0x100000001b3);
	return h;
}

static int map_file(struct keep **out, int fd, const char *path, struct fail *fail)
{
	struct keep *k = calloc(1, sizeof(*k));
	void *at = mmap(NULL, sizeof(struct file), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

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
#define GET(cell) (&(cell)->copy[atomic_load_explicit(&(cell)->turn, memory_order_acquire) & 1])


#define FLAG(type, field) offsetof(struct type, field)
static const size_t service_flags[] = {
	FLAG(keep_service, was_ready),  FLAG(keep_service, late),      FLAG(keep_service, hung),
	FLAG(keep_service, held),       FLAG(keep_service, doomed),    FLAG(keep_service, told_start),
	FLAG(keep_service, told_ready), FLAG(keep_service, reserved),  FLAG(keep_service, wanted_again),
	FLAG(keep_service, chaosed),
	FLAG(keep_service, last.asked), FLAG(keep_service, last.late), FLAG(keep_service, last.hung),
	FLAG(keep_service, last.ready), FLAG(keep_service, last.unknown), FLAG(keep_service, last.spawn_failed),
};

// A bool that is neither 0 nor 1 must not be read as one.
static void tame(void *record, const size_t *flags, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		unsigned char *flag = (unsigned char *)record + flags[i];

		*flag = *flag != 0;
	}
}

void keep_put_service(struct keep *k, unsigned slot, const struct keep_service *s)
{
	if (k)
		PUT(&k->file->services[slot], s);
}

void keep_get_service(const struct keep *k, unsigned slot, struct keep_service *out)
{
	memcpy(out, GET(&k->file->services[slot]), sizeof(*out));
	tame(out, service_flags, sizeof(service_flags) / sizeof(service_flags[0]));
	out->status[sizeof(out->status) - 1] = 0;
}

void keep_put_group(struct keep *k, const struct keep_group *g)
{
	if (k)
		PUT(&k->file->group, g);
}

void keep_get_group(const struct keep *k, struct keep_group *out)
{
	static const size_t flags[] = {FLAG(keep_group, stopping)};

	memcpy(out, GET(&k->file->group), sizeof(*out));
	tame(out, flags, 1);
	out->broken.text[sizeof(out->broken.text) - 1] = 0;
}

void keep_put_poison(struct keep *k, const struct poison_state *p)
{
	if (k)
		PUT(&k->file->poison, p);
}

void keep_get_poison(const struct keep *k, struct poison_state *out)
{
	uint64_t letters = atomic_load_explicit(&k->file->poison.letters, memory_order_acquire);

	memcpy(out, GET(&k->file->poison), sizeof(*out));
	out->letters = letters > out->letters ? letters : out->letters;
}

void keep_put_letters(struct keep *k, uint64_t letters)
{
	if (k)
		atomic_store_explicit(&k->file->poison.letters, letters, memory_order_release); // pairs with the acquire above
}

void keep_put_event(struct keep *k, uint64_t n, const char *line, size_t len)
{
	struct event_cell *c;

	if (!k)
		return;
	c = &k->file->events[n % KEEP_EVENT_CNT];
	atomic_store_explicit(&c->n, 0, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); // one that is killed has done all stores before; the compiler keeps their order
	c->len = len < sizeof(c->line) ? (uint32_t)len : 0;
	memcpy(c->line, line, c->len);
	atomic_store_explicit(&c->n, n, memory_order_release); // pairs with the acquires below
}

size_t keep_get_event(const struct keep *k, uint64_t n, char out[KEEP_EVENT_MAX])
{
	const struct event_cell *c = &k->file->events[n % KEEP_EVENT_CNT];
	uint32_t len;

	if (!n || atomic_load_explicit(&c->n, memory_order_acquire) != n)
		return 0;
	len = c->len;
	if (len >= sizeof(c->line))
		return 0;
	memcpy(out, c->line, len);
	out[len] = 0;
	return len;
}

uint64_t keep_last_event(const struct keep *k)
{
	uint64_t last = 0;

	for (unsigned i = 0; i < KEEP_EVENT_CNT; i++) {
		uint64_t n = atomic_load_explicit(&k->file->events[i].n, memory_order_acquire);

		if (n % KEEP_EVENT_CNT == i && n > last && n < INT64_MAX / 2)
			last = n;
	}
	return last;
}
