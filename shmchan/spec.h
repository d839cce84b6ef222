// What a group is to be made of (struct shmchan_group_spec): whether that can be, the objects that come of it, and whether a
// group that is there has them.
//
// Objects are numbered as in the directory: the channels, the pools, the dead letters.
#ifndef SHMCHAN_SPEC_H
#define SHMCHAN_SPEC_H

#include "shmchan/ctl.h"

// 0 or EINVAL.
int shmchan_spec_check(const struct shmchan_group_spec *s, struct shmchan_why *why);

// ---- of one that is checked

unsigned shmchan_spec_objects(const struct shmchan_group_spec *s);
const char *shmchan_spec_name(const struct shmchan_group_spec *s, unsigned i);
// Fills *e, which is zero.
void shmchan_spec_entry(struct shmchan_ctl_entry *e, const struct shmchan_group_spec *s, unsigned i);
// Makes the segment of object i, whose entry is *e. Errors: EEXIST, ESYS; nothing is left then.
int shmchan_spec_make(const struct shmchan_group_spec *s, uint32_t group_tag, const struct shmchan_ctl_entry *e,
		      unsigned i, struct shmchan_why *why);

#endif
