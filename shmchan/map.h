// All segments of a group in one process: what the broker and the tools work on.
#ifndef SHMCHAN_MAP_H
#define SHMCHAN_MAP_H

#include "shmchan/ctl.h"
#include "shmchan/dead.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/pool.h"
#include "shmchan/ring.h"
#include "shmchan/seg.h"

struct shmchan_map_entry {
	struct shmchan_seg seg;
	enum shmchan_obj_kind kind;
	char name[SHMCHAN_NAME_MAX];
	int err; // why the object can't be used, 0 if it can
	struct shmchan_why why;
	union {
		struct shmchan_ring_ref ring;
		struct shmchan_pool_ref pool;
		struct shmchan_dead_ref dead;
	};
};

struct shmchan_map {
	struct shmchan_seg seg;
	struct shmchan_ctl_ref c;
	struct shmchan_map_entry *entries; // as in the directory
	uint32_t cnt;
	char group[SHMCHAN_NAME_MAX];
	struct shmchan_dead_ref *dead;                        // NULL if it can't be used
	struct shmchan_pool_ref *pools[SHMCHAN_POOL_MAX + 1]; // by number, from 1
	uint32_t pool_last;                                   // largest number
};

// Maps the control segment and all its objects. An object that can't be joined has its err set; the call succeeds. Errors: as
// shmchan_view_open. On error nothing is mapped.
int shmchan_map_open(struct shmchan_map *m, const char *group, bool writable, struct shmchan_why *why);
// Gives objects whose segment was cut short since it was mapped an err. Returns ETRUNC if that befell the control segment or
// the dead letters, without which the broker can't go on.
int shmchan_map_verify(struct shmchan_map *m);
void shmchan_map_close(struct shmchan_map *m);

// Ring of directory id `id`, NULL if there is none.
struct shmchan_ring_ref *shmchan_map_ring(const struct shmchan_map *m, uint16_t id);
bool shmchan_map_produces(const struct shmchan_map *m, uint16_t id, unsigned slot);
bool shmchan_map_consumes(const struct shmchan_map *m, uint16_t id, unsigned slot);

// Is the message completed that block b, whose word is `word`, says it is in, of channel r? Of mpsc-intrusive only if who sent
// it is gone: before that it may be about to be sent.
bool shmchan_map_completed(const struct shmchan_map *m, struct shmchan_chain_sets *seen, const struct shmchan_ring_ref *r,
			   shmchan_block b, uint64_t word);

// Is the broker named in the control segment alive?
bool shmchan_map_broker_alive(const struct shmchan_map *m);

// Is this an owner that recovery has been through, or that never was? Nothing may be held by it.
bool shmchan_map_gone(const struct shmchan_map *m, shmchan_owner o);

int shmchan_map_check(const struct shmchan_map *m,
		      void (*report)(void *ctx, const char *object, const char *text), void *ctx);

#endif
