#include "procs/eth/eth_file.h"
#include "procs/eth/snappy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_snappy(const char *path)
{
	static const char end[] = ".ssz_snappy";
	size_t n = strlen(path);

	return n >= sizeof(end) - 1 && !strcmp(path + n - (sizeof(end) - 1), end);
}

/* Reads to the end of a file that may still grow, or a pipe; more than `limit` bytes is an error. */
static int read_all(int fd, size_t hint, size_t limit, struct eth_file *f)
{
	size_t room = hint + 1;

	f->n = 0;
	f->p = malloc(room);
	while (f->p) {
		ssize_t got = read(fd, f->p + f->n, room - f->n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ETH_ERR_FILE_READ;
		if (got == 0)
			return 0;
		f->n += (size_t)got;
		if (f->n > limit)
			return ETH_ERR_FILE_LIMIT;
		if (f->n < room)
			continue;
		uint8_t *more = realloc(f->p, room *= 2);
		if (!more)
			break;
		f->p = more;
	}
	return ETH_ERR_MEMORY;
}

static int read_raw(const char *path, size_t limit, struct eth_file *f)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC), r;

	if (fd < 0)
		return ETH_ERR_FILE_OPEN;
	errno = 0;
	if (fstat(fd, &st))
		r = ETH_ERR_FILE_READ;
	else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		r = ETH_ERR_FILE_KIND;
	else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > limit)
		r = ETH_ERR_FILE_LIMIT;
	else
		r = read_all(fd, S_ISREG(st.st_mode) ? (size_t)st.st_size : 65536, limit, f);
	int saved = errno;
	close(fd);
	errno = saved;
	return r;
}

static int inflate(struct eth_file *f, size_t limit)
{
	size_t n;
	int r = eth_snappy_length(f->p, f->n, limit, &n);

	if (r)
		return r;
	uint8_t *p = malloc(n + 1);
	if (!p)
		return ETH_ERR_MEMORY;
	r = eth_snappy_decode(f->p, f->n, p, n, &n);
	if (r) {
		free(p);
		return r;
	}
	free(f->p);
	*f = (struct eth_file){p, n};
	return 0;
}

int eth_file_read(const char *path, size_t limit, struct eth_file *f, int *opt_errno)
{
	int r;

	*f = (struct eth_file){0};
	errno = 0;
	/* Compressed data is never much larger than what it holds. */
	r = read_raw(path, is_snappy(path) ? eth_snappy_bound(limit) : limit, f);
	if (opt_errno)
		*opt_errno = r == ETH_ERR_FILE_OPEN || r == ETH_ERR_FILE_READ ? errno : 0;
	if (!r && is_snappy(path))
		r = inflate(f, limit);
	if (r) {
		free(f->p);
		*f = (struct eth_file){0};
	}
	return r;
}

int eth_file_read_into(const char *path, void *memory, size_t room, size_t *length, int *opt_errno)
{
	struct eth_file f;
	int r = eth_file_read(path, room, &f, opt_errno);

	if (r)
		return r;
	memcpy(memory, f.p, f.n);
	*length = f.n;
	free(f.p);
	return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return ETH_ERR_FILE_WRITE;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

int eth_file_write(const char *path, const void *p, size_t n, int *opt_errno)
{
	uint8_t *packed = NULL;
	char *temporary = NULL;
	int fd = -1, r = ETH_ERR_MEMORY;

	errno = 0;
	if (is_snappy(path)) {
		packed = malloc(eth_snappy_bound(n));
		if (!packed)
			goto out;
		n = eth_snappy_encode(p, n, packed);
	}
	if (asprintf(&temporary, "%s.%ld.tmp", path, (long)getpid()) < 0) {
		temporary = NULL;
		goto out;
	}
	r = ETH_ERR_FILE_OPEN;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		goto out;
	r = write_all(fd, packed ? packed : p, n);
	if (close(fd) && !r)
		r = ETH_ERR_FILE_WRITE;
	if (!r && rename(temporary, path))
		r = ETH_ERR_FILE_WRITE;
	if (r) {
		int saved = errno;
		unlink(temporary);
		errno = saved;
	}
out:
	if (opt_errno)
		*opt_errno = r ? errno : 0;
	free(temporary);
	free(packed);
	return r;
}

void eth_file_describe(char *line, size_t size, const char *path, int code, int err)
{
	if (err)
		snprintf(line, size, "%s: %s (%s)", path, eth_strerror(code), strerrordesc_np(err));
	else
		snprintf(line, size, "%s: %s", path, eth_strerror(code));
}
