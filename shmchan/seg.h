// Segments: POSIX shared memory objects /shmchan.<group> (control) and /shmchan.<group>.<object>.
#ifndef SHMCHAN_SEG_H
#define SHMCHAN_SEG_H

#include "shmchan/shmchan.h"

struct shmchan_seg {
	void *base;
	size_t size;
};

#define SHMCHAN_SEG_NAME_MAX 80
// "/shmchan.<group>" or, with an object, "/shmchan.<group>.<object>".
void shmchan_seg_name(char out[SHMCHAN_SEG_NAME_MAX], const char *group, const char *object);

// shmchan_seg_create makes a segment of `size` zero bytes, mode 0600, with memory set aside for all of it (so that a full
// file system is an error here and not a SIGBUS later), and maps it. Errors: EEXIST, ESYS; nothing is left then.
int shmchan_seg_create(struct shmchan_seg *out, const char *group, const char *object, size_t size,
		       struct shmchan_why *why);
// shmchan_seg_open maps a whole existing segment. Errors: ENOENT, ETRUNC (smaller than an object header), ESYS.
int shmchan_seg_open(struct shmchan_seg *out, const char *group, const char *object, bool writable,
		     struct shmchan_why *why);
// shmchan_seg_ahead opens a segment, writable, and brings in its first pages, for the next shmchan_seg_open of it in this process. What
// can't be had then is left to that call.
void shmchan_seg_ahead(const char *group, const char *object);
// shmchan_seg_warm brings in the first pages of one that is open.
void shmchan_seg_warm(const struct shmchan_seg *seg);
// shmchan_seg_intact: false if the segment was cut short since it was mapped, so that to read it all would be a SIGBUS. It
// may be cut the moment after: this keeps away from damage that is done, not from a peer that waits for the moment.
bool shmchan_seg_intact(const struct shmchan_seg *seg);
void shmchan_seg_close(struct shmchan_seg *seg);
// shmchan_seg_unlink returns 0, ENOENT or ESYS.
int shmchan_seg_unlink(const char *group, const char *object);
// shmchan_seg_each calls f(ctx, group, object) for each segment of `group` (NULL: of all groups); object is NULL for a control
// segment. Returns 0 or ESYS.
int shmchan_seg_each(const char *group, void (*f)(void *ctx, const char *group, const char *object),
		     void *ctx);

#endif
