#include "shmchan/dead.h"

#include <stdio.h>
#include <string.h>

static uint32_t stride_of(uint32_t bytes)
{
	return (uint32_t)shmchan_align(sizeof(struct shmchan_dead_entry) + bytes, 64);
}

size_t shmchan_dead_footprint(uint32_t cap, uint32_t bytes)
{
	if (cap < 1 || cap > SHMCHAN_DEAD_CNT_MAX || bytes > SHMCHAN_DEAD_BYTES_MAX)
		return 0;
	return sizeof(struct shmchan_dead_shm) + (uint64_t)cap * stride_of(bytes);
}

void shmchan_dead_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      uint32_t cap, uint32_t bytes)
{
	struct shmchan_dead_shm *d = mem;

	shmchan_obj_new(&d->obj, SHMCHAN_OBJ_DEAD, shmchan_dead_footprint(cap, bytes), group, group_tag, name,
			id);
	d->cap = cap;
	d->bytes = bytes;
	shmchan_obj_publish(&d->obj);
}

int shmchan_dead_join(struct shmchan_dead_ref *out, void *mem, size_t size, struct shmchan_why *why)
{
	struct shmchan_dead_shm *d = mem;
	size_t need;
	int err = shmchan_obj_join(&d->obj, size, SHMCHAN_OBJ_DEAD, why);

	if (err)
		return err;
	if (size < sizeof(*d))
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "dead letters", "%zu bytes", size);
	*out = (struct shmchan_dead_ref){
		.shm = d, .cap = d->cap, .bytes = d->bytes, .entries = (char *)mem + sizeof(*d)};
	need = shmchan_dead_footprint(out->cap, out->bytes);
	if (!need)
		return shmchan_fail(why, SHMCHAN_ECORRUPT, 0, "dead letters", "header values out of bounds");
	if (need > size)
		return shmchan_fail(why, SHMCHAN_ETRUNC, 0, "dead letters",
				    "segment has %zu bytes, %zu needed", size, need);
	out->stride = stride_of(out->bytes);
	return 0;
}

static bool same(const struct shmchan_dead_entry *a, const struct shmchan_dead_entry *b)
{
	return a->chan == b->chan && a->pos == b->pos && a->receiver == b->receiver;
}

struct shmchan_dead_entry *shmchan_dead_write(struct shmchan_dead_ref *d, const struct shmchan_dead_entry *e,
					      const void *data)
{
	// Relaxed: the broker alone writes here.
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_relaxed);
	uint32_t bytes = e->len < d->bytes ? e->len : d->bytes;
	struct shmchan_dead_entry *at;

	if (cnt) {
		at = shmchan_dead_entry(d, cnt);
		if (same(at, e))
			return at;
	}
	at = shmchan_dead_entry(d, cnt + 1);
	// Readers that see 0 leave the entry alone; release keeps the fields below behind it.
	atomic_store_explicit(&at->no, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	atomic_store_explicit(&at->answer, e->answer, memory_order_relaxed);
	atomic_store_explicit(&at->answer_at, 0, memory_order_relaxed);
	atomic_store_explicit(&at->gone, e->gone, memory_order_relaxed);
	atomic_store_explicit(&at->replay_at, 0, memory_order_relaxed);
	at->pos = e->pos;
	at->corr = e->corr;
	at->time_ns = e->time_ns;
	at->len = e->len;
	at->bytes = bytes;
	at->sender = e->sender;
	at->receiver = e->receiver;
	at->chan = e->chan;
	at->type = e->type;
	at->reply = e->reply;
	at->deliveries = e->deliveries;
	at->pid = e->pid;
	at->code = e->code;
	at->status = e->status;
	at->had_block = e->had_block;
	atomic_store_explicit(&at->parked, e->parked, memory_order_relaxed);
	memcpy(at->data, data, bytes);
	// Dying before this store leaves an entry that does not count; recovery writes the letter again.
	atomic_store_explicit(&at->no, cnt + 1, memory_order_release);
	// Dying before this one: shmchan_dead_recover counts the whole entry.
	atomic_store_explicit(&d->shm->cnt, cnt + 1, memory_order_release);
	return at;
}

void shmchan_dead_recover(struct shmchan_dead_ref *d)
{
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_relaxed);

	if (atomic_load_explicit(&shmchan_dead_entry(d, cnt + 1)->no, memory_order_relaxed) == cnt + 1)
		atomic_store_explicit(&d->shm->cnt, cnt + 1, memory_order_release);
}

void shmchan_dead_check(const struct shmchan_dead_ref *d, struct shmchan_reporter *to)
{
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_acquire);

	for (uint32_t k = shmchan_dead_kept(d, cnt); k > 0; k--) {
		uint64_t no = cnt - k + 1;
		const struct shmchan_dead_entry *e = shmchan_dead_entry(d, no);
		uint64_t is = atomic_load_explicit(&e->no, memory_order_acquire);

		// 0 and later numbers are letters that are being, or have been, written over this one.
		if ((is != 0 && is < no) || (is == no && e->bytes > d->bytes))
			shmchan_report(to, "dead", "letter %llu is not what stands in its place",
				       (unsigned long long)no);
	}
}
