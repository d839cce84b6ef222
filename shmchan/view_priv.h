// What view.c and follow.c share.
#ifndef SHMCHAN_VIEW_PRIV_H
#define SHMCHAN_VIEW_PRIV_H

#include "shmchan/map.h"
#include "shmchan/view.h"

struct shmchan_view {
	struct shmchan_map m;
	uint32_t chan_cnt, pool_cnt;
};

// Directory index of the i-th object of a kind, or -1.
int shmchan_view_nth(const struct shmchan_view *v, enum shmchan_obj_kind kind, unsigned i);
// The same of node i of a channel made of a list.
void shmchan_view_copy_node(const struct shmchan_ring_ref *r, uint32_t i, uint64_t pos, struct shmchan_view_msg *out,
			    void *buf, size_t size);
// The same of the message at `pos` of an mpsc-intrusive, still in its list. EMPTY: it is not there, or was just taken.
int shmchan_view_copy_link(const struct shmchan_view *v, const struct shmchan_ring_ref *r, uint64_t pos,
			   struct shmchan_view_msg *out, void *buf, size_t size);
// Copies says of the message at `pos`; bounds-checked, but maybe of two messages. in_flight is not set.
void shmchan_view_copy(const struct shmchan_ring_ref *r, uint64_t pos,
		       struct shmchan_view_msg *out, void *buf, size_t size);

#endif
