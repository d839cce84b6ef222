// This process's attachment to a group.
#ifndef SHMCHAN_PROC_H
#define SHMCHAN_PROC_H

#include "shmchan/chan.h"

struct shmchan_pool {
	struct shmchan_pool_ref ref;
	struct shmchan_proc *proc;
	const uint64_t *users; // process slots, in the directory
	struct shmchan_seg seg;
	struct shmchan_magazine mags[SHMCHAN_POOL_CLASSES];
};

struct shmchan_proc {
	struct shmchan_ctl_ref c;
	struct shmchan_ctl_proc *self;
	struct shmchan_seg seg;
	struct shmchan_pulse *pulse; // NULL: there is none
	char group[SHMCHAN_NAME_MAX], name[SHMCHAN_NAME_MAX];
	shmchan_owner me;
	unsigned slot;
	uint32_t incarnation;
	uint32_t corr;  // last counter given out
	uint64_t turn;  // last one given by shmchan_recv_any
	uint32_t spins; // looks before sleeping; adapts to what helped
	uint64_t slot_key;
	bool reached; // by membarrier, which bells use
	bool hasty; // waits for no lock's owner (shmchan_broker_hasty)
	struct shmchan *chans;
	struct shmchan *waiting; // mpmc2: receiving ends whose `waiting` is set
	struct shmchan *by_id[SHMCHAN_OBJ_MAX + 1]; // sending ends, for replies
	struct shmchan_pool *pools[SHMCHAN_POOL_MAX + 1];
};

// Maps channel entry `e` of the directory and joins it; for the broker without a look at the declaration.
int shmchan_open_entry(struct shmchan_proc *p, unsigned e, int end, bool declared, struct shmchan **out,
		       struct shmchan_why *why);
// Fills p for an already joined control segment.
void shmchan_proc_init(struct shmchan_proc *p, const struct shmchan_ctl_ref *c, unsigned slot,
		       uint32_t incarnation);

#endif
