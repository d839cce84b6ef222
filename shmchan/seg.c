#include "shmchan/seg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shmchan/obj.h"

#define SHM_DIR "/dev/shm" // where glibc keeps POSIX shared memory on Linux
#define PREFIX "shmchan."
#define AHEAD_MAX 64
#define WARM_MAX ((size_t)1 << 20)

void shmchan_seg_name(char out[SHMCHAN_SEG_NAME_MAX], const char *group, const char *object)
{
	snprintf(out, SHMCHAN_SEG_NAME_MAX, "/" PREFIX "%.31s%s%.31s", group, object ? "." : "",
		 object ? object : "");
}

static int map(struct shmchan_seg *out, int fd, size_t size, bool writable, const char *name,
	       struct shmchan_why *why)
{
	void *base = mmap(NULL, size, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	int err = errno;

	close(fd);
	if (base == MAP_FAILED)
		return shmchan_fail(why, SHMCHAN_ESYS, err, name, "mmap: %s", strerror(err));
	*out = (struct shmchan_seg){base, size};
	return 0;
}

int shmchan_seg_create(struct shmchan_seg *out, const char *group, const char *object, size_t size,
		       struct shmchan_why *why)
{
	char name[SHMCHAN_SEG_NAME_MAX];
	int fd, err;

	*out = (struct shmchan_seg){0};
	shmchan_seg_name(name, group, object);
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		err = errno;
		return shmchan_fail(why, err == EEXIST ? SHMCHAN_EEXIST : SHMCHAN_ESYS, err, name,
				    "shm_open: %s", strerror(err));
	}
	err = posix_fallocate(fd, 0, (off_t)size);
	if (err) {
		close(fd);
		shm_unlink(name);
		return shmchan_fail(why, SHMCHAN_ESYS, err, name, "%zu bytes: %s", size, strerror(err));
	}
	err = map(out, fd, size, true, name, why);
	if (err)
		shm_unlink(name);
	return err;
}

// A process that may not open its segments has them from the supervisor, named in SHMCHAN_FDS: "OBJECT:FD,...", the
// control segment without a name. Returns a descriptor of the caller's, or -1.
static int passed(const char *group, const char *object)
{
	const char *list = getenv("SHMCHAN_FDS"), *own = getenv("SHMCHAN_GROUP");
	size_t len = object ? strlen(object) : 0;

	if (!list || !own || strcmp(own, group) != 0)
		return -1;
	for (; *list; list += strcspn(list, ","), list += *list == ',') {
		char *end;
		long fd;

		if (strncmp(list, object ? object : "", len) != 0 || list[len] != ':')
			continue;
		fd = strtol(list + len + 1, &end, 10);
		if (end == list + len + 1 || (*end && *end != ',') || fd < 0 || fd > INT_MAX)
			return -1;
		fcntl((int)fd, F_SETFD, FD_CLOEXEC); // for this process, not for its children
		return fcntl((int)fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

// What shmchan_seg_ahead has opened. Filled by one thread, before there are others that open; each is taken once.
static struct {
	char name[SHMCHAN_SEG_NAME_MAX];
	struct shmchan_seg seg;
	_Atomic bool there;
} ahead[AHEAD_MAX];
static unsigned ahead_cnt;

static bool take_ahead(struct shmchan_seg *out, const char *name)
{
	for (unsigned i = 0; i < ahead_cnt; i++)
		// Relaxed: of two threads one gets it, and what it gets was there before either.
		if (strcmp(ahead[i].name, name) == 0 &&
		    atomic_exchange_explicit(&ahead[i].there, false, memory_order_relaxed)) {
			*out = ahead[i].seg;
			return true;
		}
	return false;
}

void shmchan_seg_warm(const struct shmchan_seg *seg)
{
	madvise(seg->base, seg->size < WARM_MAX ? seg->size : WARM_MAX, MADV_POPULATE_WRITE);
}

void shmchan_seg_ahead(const char *group, const char *object)
{
	struct shmchan_seg seg;

	if (ahead_cnt == AHEAD_MAX || shmchan_seg_open(&seg, group, object, true, NULL))
		return;
	shmchan_seg_warm(&seg);
	shmchan_seg_name(ahead[ahead_cnt].name, group, object);
	ahead[ahead_cnt].seg = seg;
	atomic_store_explicit(&ahead[ahead_cnt++].there, true, memory_order_relaxed);
}

int shmchan_seg_open(struct shmchan_seg *out, const char *group, const char *object, bool writable,
		     struct shmchan_why *why)
{
	char name[SHMCHAN_SEG_NAME_MAX];
	struct stat st;
	int fd, err;

	*out = (struct shmchan_seg){0};
	shmchan_seg_name(name, group, object);
	if (writable && take_ahead(out, name))
		return 0;
	fd = passed(group, object);
	if (fd < 0)
		fd = shm_open(name, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
	if (fd < 0) {
		err = errno;
		return shmchan_fail(why, err == ENOENT ? SHMCHAN_ENOENT : SHMCHAN_ESYS, err, name,
				    "shm_open: %s", strerror(err));
	}
	if (fstat(fd, &st) < 0) {
		err = errno;
		close(fd);
		return shmchan_fail(why, SHMCHAN_ESYS, err, name, "fstat: %s", strerror(err));
	}
	if ((size_t)st.st_size < sizeof(struct shmchan_obj)) {
		close(fd);
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, name, "%lld bytes, too few for a header",
				    (long long)st.st_size);
	}
	return map(out, fd, (size_t)st.st_size, writable, name, why);
}

bool shmchan_seg_intact(const struct shmchan_seg *seg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t last = ((uintptr_t)seg->base + seg->size - 1) & ~(page - 1);

	// Asks the kernel for the last page instead of touching it. Kernels before 5.14 don't know the question.
	return madvise((void *)last, page, MADV_POPULATE_READ) == 0 || errno != EFAULT;
}

void shmchan_seg_close(struct shmchan_seg *seg)
{
	if (seg->base)
		munmap(seg->base, seg->size);
	*seg = (struct shmchan_seg){0};
}

int shmchan_seg_unlink(const char *group, const char *object)
{
	char name[SHMCHAN_SEG_NAME_MAX];

	shmchan_seg_name(name, group, object);
	if (shm_unlink(name) == 0)
		return 0;
	return errno == ENOENT ? SHMCHAN_ENOENT : SHMCHAN_ESYS;
}

int shmchan_seg_each(const char *group, void (*f)(void *ctx, const char *group, const char *object),
		     void *ctx)
{
	DIR *dir = opendir(SHM_DIR);
	struct dirent *e;

	if (!dir)
		return SHMCHAN_ESYS;
	while ((e = readdir(dir))) {
		char name[SHMCHAN_SEG_NAME_MAX], *object;

		if (strncmp(e->d_name, PREFIX, sizeof(PREFIX) - 1) != 0)
			continue;
		snprintf(name, sizeof(name), "%.79s", e->d_name + sizeof(PREFIX) - 1);
		object = strchr(name, '.');
		if (object)
			*object++ = 0;
		if (!shmchan_name_ok(name) || (object && !shmchan_name_ok(object)))
			continue;
		if (!group || strcmp(group, name) == 0)
			f(ctx, name, object);
	}
	closedir(dir);
	return 0;
}
