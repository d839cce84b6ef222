// The header that every object in shared memory begins with, and the verbs that all objects share.
#ifndef SHMCHAN_OBJ_H
#define SHMCHAN_OBJ_H

#include <stdatomic.h>
#include <stddef.h>
#include "shmchan/shmchan.h"

#define SHMCHAN_LINE 128 // bytes that two writers keep between them
#define SHMCHAN_LAYOUT_VERSION 1

enum shmchan_obj_kind {
	SHMCHAN_OBJ_CTL = 1,
	SHMCHAN_OBJ_RING = 2,
	SHMCHAN_OBJ_POOL = 3,
	SHMCHAN_OBJ_DEAD = 4
};

// Constant after new, but for the magic, which new writes last and delete clears.
struct shmchan_obj {
	_Atomic uint64_t magic;
	uint32_t version; // == SHMCHAN_LAYOUT_VERSION
	uint32_t kind;    // enum shmchan_obj_kind
	uint64_t layout;  // == shmchan_layout_hash()
	uint64_t size;    // bytes, <= those of the segment
	uint32_t id;      // in the group's directory, from 1; 0 = the control segment
	uint32_t group_tag;
	char name[SHMCHAN_NAME_MAX];
	char group[SHMCHAN_NAME_MAX];
	char pad[24];
};
_Static_assert(sizeof(struct shmchan_obj) == SHMCHAN_LINE, "object header is one line");

// shmchan_layout_hash tells builds apart whose structs differ although the version does not.
uint64_t shmchan_layout_hash(void);

bool shmchan_name_ok(const char *name);

// shmchan_obj_new fills the header but for the magic; the memory is zero.
void shmchan_obj_new(struct shmchan_obj *o, enum shmchan_obj_kind kind, uint64_t size, const char *group,
		     uint32_t group_tag, const char *name, uint32_t id);
// shmchan_obj_publish makes it joinable: release, pairs with the acquire in shmchan_obj_join.
void shmchan_obj_publish(struct shmchan_obj *o);
// shmchan_obj_join checks magic, version, layout, kind and size of an object in `size` mapped bytes.
// Errors: ETRUNC, ECORRUPT (no magic, wrong kind), ELAYOUT.
int shmchan_obj_join(const struct shmchan_obj *o, size_t size, enum shmchan_obj_kind kind,
		     struct shmchan_why *why);

// shmchan_fail fills *why (may be NULL) and returns code.
__attribute__((format(printf, 5, 6))) int shmchan_fail(struct shmchan_why *why, int code, int sys_errno,
						       const char *object, const char *fmt, ...);

static inline uint64_t shmchan_align(uint64_t n, uint64_t to)
{
	return (n + to - 1) & ~(to - 1);
}

#endif
