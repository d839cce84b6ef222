// mmap for programs linked with -Wl,--wrap=mmap,--wrap=munmap: a shared mapping has a page on either side that
// faults, and under asan the rest of its last page is poisoned too.
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define GUARD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARD_ASAN 1
#endif
#endif
#ifdef GUARD_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define PAGE ((size_t)4096)
#define ROOM 256

void *__real_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *addr, size_t len);
void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t len);

static void *guarded[ROOM];

static size_t whole(size_t len)
{
	return (len + PAGE - 1) & ~(PAGE - 1);
}

static void **find(const void *base)
{
	for (unsigned i = 0; i < ROOM; i++)
		if (guarded[i] == base)
			return &guarded[i];
	return NULL;
}

void *__wrap_mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	void **place = find(NULL), *base;
	char *room;

	if (addr || fd < 0 || !(flags & MAP_SHARED) || !place)
		return __real_mmap(addr, len, prot, flags, fd, off);
	room = __real_mmap(NULL, whole(len) + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return room;
	base = __real_mmap(room + PAGE, len, prot, flags | MAP_FIXED, fd, off);
	if (base == MAP_FAILED) {
		__real_munmap(room, whole(len) + 2 * PAGE);
		return base;
	}
	ASAN_POISON_MEMORY_REGION((char *)base + len, whole(len) - len);
	*place = base;
	return base;
}

int __wrap_munmap(void *addr, size_t len)
{
	void **place = addr ? find(addr) : NULL;

	if (!place)
		return __real_munmap(addr, len);
	*place = NULL;
	ASAN_UNPOISON_MEMORY_REGION((char *)addr + len, whole(len) - len);
	return __real_munmap((char *)addr - PAGE, whole(len) + 2 * PAGE);
}
