// Joins a look at a group (shmchan/view.h) and the BPF loader (bpf/watch.h): who there is to attach to.
#ifndef TOOLS_ATTACH_H
#define TOOLS_ATTACH_H

#include "bpf/watch.h"
#include "shmchan/view.h"

// attach_open loads the programs for the channels of the group, with their declared alert depths. `adjust`, if not
// NULL, may change what is asked for of each. Errors and *why as watch_open.
typedef void (*attach_adjust)(void *ctx, struct watch_chan *c);
int attach_open(struct watch **out, const struct shmchan_view *v, attach_adjust adjust, void *ctx,
		struct watch_why *why);

// attach_all attaches to what the living processes of the group run, the supervisor among them, and to
// nothing twice: call it again when services may have been born that run other programs. A process that ends
// meanwhile, or has no probes, is no failure while another has them. Errors: GONE nobody lives; NO_SITES
// nobody has probes; as watch_attach_pid.
int attach_all(struct watch *w, const struct shmchan_view *v, struct watch_why *why);

// attach_counters pins the iterator of counters for a group that is pinned already. It reads them where the supervisor maps
// them, and is to be made again when another supervisor has taken over. Errors and *why as watch_pin_counters.
int attach_counters(const struct shmchan_view *v, struct watch_why *why);

#endif
