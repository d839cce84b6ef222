// What the broker does with the traces of a dead incarnation D before its replacement starts. Live peers run on meanwhile;
// the broker may die after any instruction and another begin again. The order of the steps is what makes that safe:
//
//	A  sends of D that were decided (its block was handed over) but not marked are finished; blocks that it had offered to
//	   a list and not sent are D's again,
//	B  messages in flight at D are completed: answered, given back, dropped, or as dead letters,
//	C  cells that D had claimed are aborted,
//	D  blocks that D owned are freed,
//	E  who waits for an answer is told, and all peers are woken; or that is noted, for when the broker is quiet no more,
//	F  the process slot is free.
//
// B looks at cells D had claimed to learn whether an answer was published; so all of B is before any of C. Each message in
// B is completed by the store of `done`; what belongs to it (the letter, its block) comes before and may be repeated.
#include "shmchan/broker_priv.h"

#include <string.h>
#include <time.h>
#include "shmchan/list_chan.h"
#include "shmchan/mpsc.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"

static uint64_t clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void ring_bell(struct shmchan_broker *b, unsigned slot)
{
	if (slot >= b->map.c.proc_cnt)
		return;
	// Dying with it noted and not rung: a successor rings all.
	if (b->quiet)
		b->bells[slot / 64] |= UINT64_C(1) << slot % 64;
	else
		shmchan_bell_force(&b->map.c.procs[slot].bell);
}

void shmchan_broker_quiet(struct shmchan_broker *b, bool quiet)
{
	b->quiet = quiet;
	for (unsigned w = 0; !quiet && w < SHMCHAN_SLOT_WORDS; w++)
		for (; b->bells[w]; b->bells[w] &= b->bells[w] - 1)
			ring_bell(b, w * 64 + (unsigned)__builtin_ctzll(b->bells[w]));
}

static void ring_consumers(struct shmchan_broker *b, uint16_t id)
{
	for (unsigned slot = 1; slot < b->map.c.proc_cnt; slot++)
		if (shmchan_map_consumes(&b->map, id, slot))
			ring_bell(b, slot);
}

// ---------------------------------------------------------------------------------- B: messages in flight at D

bool shmchan_recover_answered(const struct patient *d, const struct shmchan_exact *line, uint64_t done)
{
	uint64_t chan = atomic_load_explicit(&line->intent_chan, memory_order_relaxed);
	uint64_t at = atomic_load_explicit(&line->intent_at, memory_order_relaxed);
	const struct shmchan_ring_ref *to;

	// Acquire pairs with the release in intend(): with intent_for, the other two are its.
	if (atomic_load_explicit(&line->intent_for, memory_order_acquire) != done + 1 || chan > UINT16_MAX)
		return false;
	to = shmchan_map_ring(&d->b->map, (uint16_t)chan);
	if (!to || !shmchan_map_produces(&d->b->map, to->id, d->slot))
		return false;
	return shmchan_ring_chained(to) ? shmchan_recover_gave_away(d, at) : shmchan_ring_published(to, at, d->owner);
}

static bool is_void(const struct shmchan_ring_ref *r, const struct shmchan_cell *c, uint64_t pos)
{
	uint64_t w = atomic_load_explicit(&c->word, memory_order_acquire);

	return shmchan_ring_many(r) && shmchan_cell_ahead(w, pos / r->cap) == 0 &&
	       shmchan_cell_state(w) == SHMCHAN_CELL_ABORTED;
}

void shmchan_recover_letter(struct patient *d, const struct shmchan_ring_ref *r, const struct remains *left,
			    bool drop)
{
	const struct shmchan_head *m = &left->head;
	struct shmchan_dead_entry e = {
		.answer = m->reply ? SHMCHAN_ANSWER_PENDING : SHMCHAN_ANSWER_NONE,
		.gone = drop ? SHMCHAN_LETTER_DROPPED : SHMCHAN_LETTER_KEPT,
		.pos = left->pos,
		.corr = m->corr,
		.time_ns = d->time_ns,
		.len = m->len <= r->msg_size ? m->len : 0,
		.sender = m->sender,
		.receiver = d->owner,
		.chan = r->id,
		.type = m->type,
		.reply = m->reply,
		.deliveries = (uint16_t)(m->deliveries + 1),
		.pid = d->death ? (int32_t)d->death->pid : 0,
		.code = d->death ? d->death->code : 0,
		.status = d->death ? d->death->status : 0,
		.had_block = m->block != SHMCHAN_NO_BLOCK,
		.parked = r->on_crash == SHMCHAN_REDELIVER && r->max_deliveries > 1 &&
			  m->deliveries + 1 >= r->max_deliveries,
	};
	struct shmchan_pool_ref *p =
		m->block >> 24 <= SHMCHAN_POOL_MAX ? d->b->map.pools[m->block >> 24] : NULL;
	uint32_t i = p ? shmchan_block_index(p, m->block) : UINT32_MAX;
	uint64_t before = atomic_load_explicit(&d->b->map.dead->shm->cnt, memory_order_relaxed);

	if (!drop || e.answer != SHMCHAN_ANSWER_NONE) {
		shmchan_dead_write(d->b->map.dead, &e, left->data);
		if (atomic_load_explicit(&d->b->map.dead->shm->cnt, memory_order_relaxed) != before &&
		    e.answer == SHMCHAN_ANSWER_PENDING)
			d->b->pending++;
	}
	// A block not yet received goes with its message; one already received is freed in D.
	if (i != UINT32_MAX)
		d->out->blocks += shmchan_ring_chained(r)
					  ? shmchan_pool_unoffer(p, i, shmchan_chain_word(r, p, i, left->pos))
					  : shmchan_pool_unsend(p, i, r->id, left->place);
	if (drop) {
		d->out->dropped++;
	} else {
		d->out->dead_letters++;
		SHMCHAN_PROBE_DEAD_LETTER(r->key, left->pos);
	}
}

static void set_aside(struct patient *d, const struct shmchan_ring_ref *r, uint64_t pos, bool drop)
{
	struct shmchan_cell *c = shmchan_ring_cell(r, (uint32_t)(pos % r->cap));
	struct remains left = {.pos = pos, .place = pos, .data = shmchan_ring_data(r, c)};

	shmchan_ring_head(r, pos, &left.head);
	shmchan_recover_letter(d, r, &left, drop);
	shmchan_ring_complete(r, pos, false, drop ? SHMCHAN_TALLY_DROPPED : SHMCHAN_TALLY_DEAD);
}

void shmchan_broker_set_aside(struct shmchan_broker *b, const struct shmchan_ring_ref *r, uint64_t pos,
			      shmchan_owner receiver, const struct shmchan_death *death, bool drop)
{
	struct shmchan_repair repair = {0};
	struct patient d = {.b = b,
			    .slot = shmchan_owner_slot(receiver),
			    .owner = receiver,
			    .death = death,
			    .time_ns = clock_ns(CLOCK_REALTIME),
			    .out = &repair};

	set_aside(&d, r, pos, drop || r->on_crash == SHMCHAN_DROP);
}

// Policy redeliver: position from which the messages in flight are given back. A message that may not be delivered again
// takes those before it along, as they can't be given back without it.
static uint64_t give_back_from(struct patient *d, const struct shmchan_ring_ref *r, uint64_t done,
			       uint64_t taken)
{
	uint64_t from = done;

	for (uint64_t pos = done; pos != taken; pos++) {
		struct shmchan_head head;

		if (is_void(r, shmchan_ring_cell(r, (uint32_t)(pos % r->cap)), pos))
			continue;
		shmchan_ring_head(r, pos, &head);
		if (head.deliveries + 1 >= r->max_deliveries ||
		    !shmchan_recover_return_block(d, r, head.block, pos))
			from = pos + 1;
	}
	return from;
}

static void give_back(struct patient *d, const struct shmchan_ring_ref *r, uint64_t done, uint64_t taken)
{
	for (uint64_t pos = done; pos != taken; pos++) {
		// A broker that dies before the store of `taken` makes this count once more: never more deliveries than allowed.
		shmchan_ring_deliver_again(r, pos);
		d->out->redelivered++;
	}
	// What D had counted for the first of them must not count when its replacement completes it.
	shmchan_tally_rewind(r->ring->tally, done);
	atomic_store_explicit(&r->ring->taken, done, memory_order_release);
}

// Cells below `done` that D had not yet freed.
static void free_cells(const struct shmchan_ring_ref *r, uint64_t done)
{
	uint64_t pos = done > r->cap ? done - r->cap : 0;

	if (!shmchan_ring_many(r)) {
		atomic_store_explicit(&r->ring->head, done, memory_order_release);
		return;
	}
	for (; pos < done; pos++) {
		_Atomic uint64_t *word = &shmchan_ring_cell(r, (uint32_t)(pos % r->cap))->word;
		uint64_t lap = pos / r->cap, w = atomic_load_explicit(word, memory_order_relaxed);

		// Nobody but the consumer changes a cell of this lap: FULL or ABORTED it stays until it is freed.
		if (shmchan_cell_ahead(w, lap) == 0)
			atomic_store_explicit(word, shmchan_cell_word(lap + 1, SHMCHAN_CELL_FREE, 0),
					      memory_order_release);
	}
}

static void settle(struct patient *d, const struct shmchan_ring_ref *r)
{
	uint64_t done, taken, from;

	if (!shmchan_ring_cursor(r, &done, &taken))
		atomic_store_explicit(&r->ring->taken, taken, memory_order_relaxed);
	if (done != taken && shmchan_recover_answered(d, &r->ring->exact, done)) {
		shmchan_ring_complete(r, done++, true, SHMCHAN_TALLY_ALL);
		d->out->answered++;
	}
	from = r->on_crash == SHMCHAN_REDELIVER ? give_back_from(d, r, done, taken) : taken;
	while (done != from) {
		if (is_void(r, shmchan_ring_cell(r, (uint32_t)(done % r->cap)), done))
			shmchan_ring_complete(r, done, false, SHMCHAN_TALLY_SKIPPED);
		else
			set_aside(d, r, done, r->on_crash == SHMCHAN_DROP);
		done++;
	}
	if (done != taken)
		give_back(d, r, done, taken);
	free_cells(r, done);
	// Requests of the dead are nobody's: their notices count as seen. The intent is spent.
	atomic_store_explicit(&r->ring->notice_seen,
			      atomic_load_explicit(&r->ring->notice_cnt, memory_order_relaxed),
			      memory_order_release);
	atomic_store_explicit(&r->ring->intent_for, 0, memory_order_relaxed);
}

static bool settle_any(struct patient *d, const struct shmchan_ring_ref *r)
{
	if (shmchan_ring_listed(r))
		return shmchan_list_settle(d, r);
	settle(d, r);
	return true;
}

// ------------------------------------------------------------------------------------------ C, D: claims, blocks

static void abort_claims(const struct shmchan_ring_ref *r, shmchan_owner owner, struct shmchan_repair *out)
{
	for (uint32_t i = 0; i < r->cap; i++) {
		_Atomic uint64_t *word = &shmchan_ring_cell(r, i)->word;
		uint64_t w = atomic_load_explicit(word, memory_order_relaxed);

		if (shmchan_cell_state(w) != SHMCHAN_CELL_CLAIMED || (shmchan_owner)w != owner)
			continue;
		// Release: pairs with the acquire in shmchan_mpsc_peek. Only its owner, dead, or recovery leaves this state.
		atomic_store_explicit(word, (w & ~((uint64_t)7 << 32)) | (uint64_t)SHMCHAN_CELL_ABORTED << 32,
				      memory_order_release);
		atomic_fetch_add_explicit(&r->ring->aborted, 1, memory_order_relaxed);
		out->aborted++;
	}
}

// Where the dead has stopped. Other producers may go on meanwhile: if one of mpsc has moved the hint since, that stands.
static void renew_hint(const struct shmchan_ring_ref *r)
{
	uint64_t hint = atomic_load_explicit(&r->ring->tail, memory_order_relaxed), tail = shmchan_ring_tail(r);

	if (shmchan_ring_many(r))
		tail = SHMCHAN_HINT(tail / r->cap, tail % r->cap);
	// Relaxed: it orders nothing.
	atomic_compare_exchange_strong_explicit(&r->ring->tail, &hint, tail, memory_order_relaxed, memory_order_relaxed);
}

// -------------------------------------------------------------------------------------------- E: tell and wake

int shmchan_broker_send_as(struct shmchan *tx, const struct shmchan_msg *m, uint32_t sender, _Atomic uint64_t *at)
{
	void *data;
	int err = shmchan_reserve(tx, &data);

	if (err)
		return err;
	if (tx->l && (err = shmchan_list_begin(tx))) {
		shmchan_cancel(tx);
		return err;
	}
	// Dying from here on: whether what stands at that place was published says whether it was sent.
	atomic_store_explicit(at, tx->pos + 1, memory_order_release);
	if (m->len)
		memcpy(data, m->data, m->len);
	shmchan_publish_as(tx, m, sender);
	return 0;
}

// In mpsc the broker is a producer like others. answer_at is written between claim and publish, so that a successor knows
// whether the answer went out.
static bool send_died_many(struct shmchan_broker *b, struct shmchan_dead_entry *e,
			   const struct shmchan_ring_ref *r)
{
	struct shmchan_msg m = {.corr = e->corr, .type = SHMCHAN_TYPE_DIED};
	struct shmchan *tx = b->proc.by_id[r->id];

	if (!tx && shmchan_open_entry(&b->proc, r->id - 1u, SHMCHAN_TX, false, &tx, NULL))
		return false;
	return shmchan_broker_send_as(tx, &m, tx->me, &e->answer_at) == 0;
}

// A 1 -> 1 channel has a producer of its own: the answer goes into the one notice beside the ring.
static bool send_died_one(struct shmchan_broker *b, struct shmchan_dead_entry *e,
			  const struct shmchan_ring_ref *r)
{
	uint64_t cnt = atomic_load_explicit(&r->ring->notice_cnt, memory_order_relaxed);

	if (shmchan_owner_slot(e->sender) == r->ring->consumer && !shmchan_alive(&b->proc, e->sender))
		return true;
	// Acquire: pairs with the release in shmchan_done; the last notice has been read.
	if (atomic_load_explicit(&r->ring->notice_seen, memory_order_acquire) != cnt)
		return false;
	atomic_store_explicit(&e->answer_at, cnt + 1, memory_order_release);
	atomic_store_explicit(&r->ring->notice_corr, e->corr, memory_order_relaxed);
	atomic_store_explicit(&r->ring->notice_cnt, cnt + 1, memory_order_release);
	return true;
}

static bool send_died(struct shmchan_broker *b, struct shmchan_dead_entry *e)
{
	const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, e->reply);

	if (r && !(shmchan_ring_many(r) ? send_died_many(b, e, r) : send_died_one(b, e, r)))
		return false;
	atomic_store_explicit(&e->answer, SHMCHAN_ANSWER_SENT, memory_order_release);
	if (r)
		ring_consumers(b, r->id);
	return true;
}

// Calls f for each letter whose answer is pending, oldest first.
static uint64_t each_pending(const struct shmchan_broker *b,
			     void (*f)(struct shmchan_broker *b, struct shmchan_dead_entry *e),
			     struct shmchan_broker *arg)
{
	const struct shmchan_dead_ref *d = b->map.dead;
	uint64_t cnt = atomic_load_explicit(&d->shm->cnt, memory_order_relaxed), left = 0;

	for (uint32_t k = shmchan_dead_kept(d, cnt); k > 0; k--) {
		uint64_t no = cnt - k + 1;
		struct shmchan_dead_entry *e = shmchan_dead_entry(d, no);

		// Another number, or none: a letter that was being written over this one when its broker died.
		if (atomic_load_explicit(&e->no, memory_order_acquire) != no ||
		    atomic_load_explicit(&e->answer, memory_order_acquire) != SHMCHAN_ANSWER_PENDING)
			continue;
		if (f)
			f(arg, e);
		left += atomic_load_explicit(&e->answer, memory_order_relaxed) == SHMCHAN_ANSWER_PENDING;
	}
	return left;
}

static void try_died(struct shmchan_broker *b, struct shmchan_dead_entry *e)
{
	send_died(b, e);
}

uint64_t shmchan_broker_count_pending(const struct shmchan_broker *b)
{
	return each_pending(b, NULL, NULL);
}

static void retry(struct shmchan_broker *b)
{
	if (b->pending)
		b->pending = each_pending(b, try_died, b);
}

int shmchan_broker_retry(struct shmchan_broker *b)
{
	if (shmchan_map_verify(&b->map))
		return SHMCHAN_ETRUNC;
	retry(b);
	return b->pending > INT32_MAX ? INT32_MAX : (int)b->pending;
}

int shmchan_broker_park(struct shmchan_broker *b, uint64_t no)
{
	struct shmchan_dead_entry *e = no ? shmchan_dead_entry(b->map.dead, no) : NULL;

	if (!e || atomic_load_explicit(&e->no, memory_order_relaxed) != no)
		return SHMCHAN_ENOENT;
	// Relaxed: a mark on a whole letter, which nothing else depends on.
	atomic_store_explicit(&e->parked, 1, memory_order_relaxed);
	return 0;
}

static void wake_peers(const struct patient *d)
{
	const struct shmchan_map *m = &d->b->map;
	uint64_t set[SHMCHAN_SLOT_WORDS] = {0};

	for (uint32_t i = 0; i < m->cnt; i++) {
		const struct shmchan_ctl_entry *e = &m->c.entries[i];
		bool tx = shmchan_slot_in(e->producers, d->slot), rx = shmchan_slot_in(e->consumers, d->slot);

		for (unsigned w = 0; w < SHMCHAN_SLOT_WORDS; w++)
			set[w] |= (tx || rx) ? e->consumers[w] | e->producers[w] : 0;
	}
	for (unsigned slot = 1; slot < m->c.proc_cnt; slot++)
		if (shmchan_slot_in(set, slot))
			ring_bell(d->b, slot);
}

// ------------------------------------------------------------------------------------------------- the sequence

// For who counts by probes: the dead may have fired one and not come to do what it says, or the other way round.
static void tell_settled(struct shmchan_broker *b, uint16_t id, unsigned slot)
{
	const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, id);
	uint64_t pushed = SHMCHAN_PROBE_NONE, done = SHMCHAN_PROBE_NONE;

	if (r && shmchan_map_produces(&b->map, id, slot))
		pushed = shmchan_ring_tail(r);
	if (r && shmchan_map_consumes(&b->map, id, slot))
		done = shmchan_ring_listed(r) ? shmchan_list_done(r)
					      : atomic_load_explicit(&r->ring->done, memory_order_acquire);
	if ((pushed & done) != SHMCHAN_PROBE_NONE)
		SHMCHAN_PROBE_SETTLE(r->key, pushed, done);
}

static void break_locks(const struct shmchan_broker *b, shmchan_owner dead)
{
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (r && shmchan_ring_listed(r))
			shmchan_list_break(r, dead);
	}
}

void shmchan_broker_hasty(struct shmchan_broker *b, bool hasty)
{
	b->proc.hasty = hasty;
}

static bool holds(const struct shmchan_broker *b, shmchan_lock *lock, struct shmchan_holder *out)
{
	uint64_t w = atomic_load_explicit(lock, memory_order_relaxed);
	unsigned slot = shmchan_owner_slot((shmchan_owner)(w >> 32));

	if (!(uint32_t)w || !slot || !shmchan_alive(&b->proc, (shmchan_owner)(w >> 32)))
		return false;
	out->slot = slot;
	out->pid = (pid_t)atomic_load_explicit(&b->map.c.procs[slot].pid, memory_order_relaxed);
	return true;
}

int shmchan_broker_holder(const struct shmchan_broker *b, struct shmchan_holder *out)
{
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (!r || !shmchan_ring_listed(r))
			continue;
		if (holds(b, &r->list->head_lock, out) || holds(b, &r->list->tail_lock, out)) {
			memcpy(out->channel, b->map.entries[i].name, sizeof(out->channel));
			return 0;
		}
	}
	return SHMCHAN_ENOENT;
}

int shmchan_broker_recover(struct shmchan_broker *b, unsigned slot, const struct shmchan_death *death,
			   struct shmchan_repair *out)
{
	uint64_t began = clock_ns(CLOCK_MONOTONIC), life, sent_before;
	struct shmchan_repair repair = {0};
	struct shmchan_ctl_proc *proc;
	bool complete = true;
	struct patient d = {.b = b, .slot = slot, .death = death, .out = &repair};

	if (out)
		*out = repair;
	if (slot < 1 || slot >= b->map.c.proc_cnt)
		return SHMCHAN_EINVAL;
	if (shmchan_map_verify(&b->map))
		return SHMCHAN_ETRUNC;
	proc = &b->map.c.procs[slot];
	life = atomic_load_explicit(&proc->life, memory_order_acquire);
	if (shmchan_life_state(life) == SHMCHAN_PROC_FREE)
		return 0;
	atomic_store_explicit(&proc->life, shmchan_life(SHMCHAN_PROC_DEAD, (uint32_t)life),
			      memory_order_release);
	d.owner = shmchan_owner_make(slot, (uint32_t)life);
	d.time_ns = death && death->time_ns ? death->time_ns : clock_ns(CLOCK_REALTIME);

	break_locks(b, d.owner);
	shmchan_recover_finish_sends(&d);
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (r && shmchan_map_consumes(&b->map, r->id, slot))
			complete &= settle_any(&d, r);
	}
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (!r || !shmchan_map_produces(&b->map, r->id, slot))
			continue;
		if (shmchan_ring_listed(r)) {
			complete &= shmchan_list_reclaim(b, r, d.owner, &repair);
			continue;
		}
		if (shmchan_ring_many(r))
			abort_claims(r, d.owner, &repair);
		if (!shmchan_ring_chained(r))
			renew_hint(r);
	}
	shmchan_recover_free_blocks(&d);
	for (uint32_t i = 0; SHMCHAN_PROBE_SETTLE_ENABLED() && i < b->map.cnt; i++)
		tell_settled(b, (uint16_t)(i + 1), slot);
	sent_before = b->pending;
	retry(b);
	repair.died_pending = b->pending;
	repair.died_sent = sent_before - repair.died_pending;
	wake_peers(&d);
	repair.nsec = clock_ns(CLOCK_MONOTONIC) - began;
	if (!complete) {
		if (out)
			*out = repair;
		return SHMCHAN_EBUSY;
	}
	atomic_store_explicit(&proc->life, shmchan_life(SHMCHAN_PROC_FREE, (uint32_t)life),
			      memory_order_release);
	SHMCHAN_PROBE_RECOVER(SHMCHAN_PROBE_KEY(b->map.c.ctl->obj.group_tag, slot), (uint32_t)life,
			      repair.nsec, atomic_load_explicit(&proc->pid, memory_order_relaxed));
	if (out)
		*out = repair;
	return 0;
}

// An answer of the dead broker's that is out is marked so; else its claim will be aborted and the answer sent again.
static void resolve_died(struct shmchan_broker *b, struct shmchan_dead_entry *e)
{
	const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, e->reply);
	uint64_t at = atomic_load_explicit(&e->answer_at, memory_order_acquire);
	shmchan_owner dead = shmchan_owner_make(0, b->proc.incarnation - 1);
	bool out;

	if (!r || at == 0)
		return;
	if (shmchan_ring_many(r))
		out = shmchan_ring_published(r, at - 1, dead);
	else
		out = atomic_load_explicit(&r->ring->notice_cnt, memory_order_acquire) >= at;
	if (out)
		atomic_store_explicit(&e->answer, SHMCHAN_ANSWER_SENT, memory_order_release);
	else
		atomic_store_explicit(&e->answer_at, 0, memory_order_release);
}

void shmchan_broker_recover_broker(struct shmchan_broker *b, uint32_t inc)
{
	struct shmchan_repair repair = {0};
	shmchan_owner dead = shmchan_owner_make(0, inc);

	break_locks(b, dead);
	shmchan_dead_recover(b->map.dead);
	shmchan_edit_recover(b, dead);
	each_pending(b, resolve_died, b);
	for (uint32_t i = 0; i < b->map.cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(&b->map, (uint16_t)(i + 1));

		if (!r || !shmchan_ring_many(r))
			continue;
		if (shmchan_ring_listed(r))
			shmchan_list_reclaim(b, r, dead, &repair);
		else
			abort_claims(r, dead, &repair);
	}
	// The dead broker may have claimed a bell's ring without making the call.
	for (unsigned slot = 1; slot < b->map.c.proc_cnt; slot++)
		ring_bell(b, slot);
	b->pending = shmchan_broker_count_pending(b);
	retry(b);
}
