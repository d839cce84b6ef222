#include "tests/crash/world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/map.h"
#include "shmchan/spsc.h"

static const unsigned slot1[] = {1}, slot2[] = {2}, slots13[] = {1, 3}, slots24[] = {2, 4},
		      all[] = {1, 2, 3, 4};
static const char *const names[] = {"asker", "worker", "other", "helper"};
static const char *const counters[] = {"messages"};

bool world_many(enum shmchan_kind kind)
{
	return kind >= SHMCHAN_KIND_MPSC;
}

bool world_shared(enum shmchan_kind kind)
{
	return kind == SHMCHAN_KIND_MPMC2;
}

bool world_refs(enum shmchan_kind kind)
{
	return kind == SHMCHAN_KIND_SLOT_REF || kind == SHMCHAN_KIND_MPSC_INTRUSIVE;
}

bool world_create(struct world *w)
{
	bool one = w->kind == SHMCHAN_KIND_SLOT || w->kind == SHMCHAN_KIND_SLOT_REF;
	bool many = world_many(w->kind);

	w->slots = world_shared(w->kind) ? 4 : 3;
	struct shmchan_chan_spec chans[] = {
		{.name = "c",
		 .kind = w->kind,
		 .capacity = one ? 1 : w->cap,
		 .msg_size = 16,
		 .producers = many ? slots13 : slot1,
		 .producer_cnt = many ? 2 : 1,
		 .consumers = world_shared(w->kind) ? slots24 : slot2,
		 .consumer_cnt = world_shared(w->kind) ? 2 : 1,
		 .on_crash = w->on_crash,
		 .max_deliveries = 2,
		 .tally = counters,
		 .tally_cnt = 1},
		{.name = "reply",
		 .kind = w->reply_kind,
		 .capacity = w->reply_kind == SHMCHAN_KIND_SLOT ? 1 : 3,
		 .msg_size = 16,
		 .producers = slot2,
		 .producer_cnt = 1,
		 .consumers = slot1,
		 .consumer_cnt = 1},
		{.name = "refs",
		 .kind = SHMCHAN_KIND_SLOT_REF,
		 .capacity = 1,
		 .msg_size = 0,
		 .producers = slot2,
		 .producer_cnt = 1,
		 .consumers = slot1,
		 .consumer_cnt = 1},
	};
	struct shmchan_pool_spec pool = {
		.name = "p", .block_size = 64, .block_cnt = WORLD_BLOCKS, .users = all, .user_cnt = w->slots};
	struct shmchan_group_spec spec = {.name = w->group,
					  .services = names,
					  .service_cnt = w->slots,
					  .chans = chans,
					  .chan_cnt = 3,
					  .pools = &pool,
					  .pool_cnt = 1,
					  .dead_cnt = 16,
					  .dead_bytes = 16};
	struct shmchan_why why = {0};
	int err;

	snprintf(w->group, sizeof(w->group), "crash%d", (int)getpid());
	err = shmchan_broker_create(&w->b, &spec, &why);
	if (err) {
		fprintf(stderr, "crash: can't create group %s: %s: %s\n", w->group, why.object, why.text);
		return false;
	}
	for (unsigned slot = 1; slot <= w->slots; slot++)
		if (shmchan_broker_announce(w->b, slot, &w->inc[slot]))
			return false;
	w->next = 1;
	w->notes->cnt = 0;
	return true;
}

void world_destroy(struct world *w)
{
	shmchan_broker_destroy(w->b);
	w->b = NULL;
}

void world_violation(struct world *w, const char *fmt, ...)
{
	char where[128] = "", text[160];
	va_list ap;
	int n = 0;

	if (atomic_fetch_add(&w->score->violations, 1) > 20)
		return;
	if (w->peer_k >= 0)
		n = snprintf(where, sizeof(where), ", a peer acted after %ld", w->peer_k);
	if (w->broker_k >= 0)
		snprintf(where + n, sizeof(where) - (size_t)n, ", the broker killed after %ld", w->broker_k);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s, killed after %ld%s: %s\n", w->scene, w->how ? w->how : "", w->k, where, text);
}

void world_note(struct world *w, enum note_what what, uint64_t corr)
{
	struct notes *n = w->notes;

	if (n->cnt >= WORLD_NOTES)
		abort();
	n->note[n->cnt] = (struct note){what, corr};
	n->cnt++;
}

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "crash: %s: %s\n", what, shmchan_strerror(err));
	abort();
}

// As if this end had sent a round of messages: from here on plain ones go their short way.
static void go_round(struct shmchan *ch)
{
	for (uint32_t i = 0; i < ch->r.cap; i++)
		ch->r.exts[i].sender = ch->me;
	ch->plain_from = ch->pos;
	shmchan_spsc_run(ch);
}

void world_attach(struct world *w, unsigned slot)
{
	struct ends *e = &w->ends[slot];

	*e = (struct ends){0};
	must(shmchan_attach(&e->proc, w->group, slot, w->inc[slot], NULL), "attach");
	must(shmchan_pool_open(e->proc, "p", &e->pool, NULL), "open p");
	if (slot == 3 && !world_many(w->kind))
		return;
	must(shmchan_open(e->proc, "c", slot == 2 || slot == 4 ? SHMCHAN_RX : SHMCHAN_TX, &e->c, NULL),
	     "open c");
	if (slot == 1 && w->kind == SHMCHAN_KIND_SPSC)
		go_round(e->c);
	if (slot > 2)
		return;
	must(shmchan_open(e->proc, "reply", slot == 2 ? SHMCHAN_TX : SHMCHAN_RX, &e->reply, NULL),
	     "open reply");
	must(shmchan_open(e->proc, "refs", slot == 2 ? SHMCHAN_TX : SHMCHAN_RX, &e->refs, NULL), "open refs");
}

void world_detach(struct world *w, unsigned slot)
{
	shmchan_detach(w->ends[slot].proc);
	w->ends[slot] = (struct ends){0};
}

#define SEEN(w, corr) ((w)->seen[corr])

static bool known(struct world *w, uint64_t corr, const char *what)
{
	if (corr > 0 && corr < WORLD_MESSAGES && corr < w->next + 64)
		return true;
	world_violation(w, "%s of message %llu, which nobody sent", what, (unsigned long long)corr);
	return false;
}

int world_send(struct world *w, unsigned slot, bool block, bool reply)
{
	struct ends *e = &w->ends[slot];
	struct shmchan_msg m = world_message(&w->next);
	int err;

	if (reply)
		world_ask(&m, shmchan_id(e->reply));
	if (block || world_refs(w->kind)) {
		if (shmchan_block_alloc(e->pool, &m.block))
			return SHMCHAN_EXHAUSTED;
		memcpy(shmchan_block_data(e->pool, m.block), &w->next, sizeof(w->next));
	}
	err = shmchan_try_send(e->c, &m);
	if (err) {
		if (m.block)
			shmchan_block_free(e->pool, m.block);
		return err;
	}
	SEEN(w, w->next).certain = 1;
	SEEN(w, w->next).wants_reply = reply;
	w->next++;
	return 0;
}

static void check_content(struct world *w, struct shmchan_pool *pool, const struct shmchan_msg *m)
{
	uint64_t v;

	if (m->status) {
		world_violation(w, "message %llu has status %d", (unsigned long long)m->corr, m->status);
		return;
	}
	if (m->len != 8 || (memcpy(&v, m->data, 8), v != m->corr))
		world_violation(w, "message %llu came with other content", (unsigned long long)m->corr);
	if (m->block == SHMCHAN_NO_BLOCK)
		return;
	memcpy(&v, shmchan_block_data(pool, m->block), 8);
	if (v != m->corr)
		world_violation(w, "message %llu came with the block of another",
				(unsigned long long)m->corr);
	if (shmchan_block_free(pool, m->block))
		world_violation(w, "the block of message %llu is not its receiver's",
				(unsigned long long)m->corr);
}

int world_receive(struct world *w, unsigned slot)
{
	struct ends *e = &w->ends[slot];
	struct shmchan_msg m;
	int err = shmchan_take(e->c, &m);

	if (err)
		return err;
	world_number(&m);
	check_content(w, e->pool, &m);
	if (known(w, m.corr, "receipt"))
		SEEN(w, m.corr).got++;
	must(shmchan_tally_add(e->c, 0, 1), "tally");
	must(shmchan_done(e->c), "done");
	return 0;
}

static void receive_replies(struct world *w, struct ends *asker, struct shmchan *rx)
{
	struct shmchan_msg m;

	while (shmchan_take(rx, &m) == 0) {
		if (!known(w, m.corr, "answer")) {
		} else if (m.status == SHMCHAN_PEER_DIED) {
			SEEN(w, m.corr).notices++;
		} else if (m.status) {
			world_violation(w, "answer to %llu has status %d", (unsigned long long)m.corr,
					m.status);
		} else {
			SEEN(w, m.corr).answers++;
			if (m.block && shmchan_block_free(asker->pool, m.block))
				world_violation(w, "the block of an answer is not its receiver's");
		}
		must(shmchan_done(rx), "done");
	}
}

static void read_letters(struct world *w)
{
	struct shmchan_view_dead d;
	struct shmchan_view *v;
	uint64_t cnt;

	must(shmchan_view_open(&v, w->group, NULL), "view");
	cnt = shmchan_view_dead_cnt(v, NULL);
	for (; w->dead_seen < cnt; w->dead_seen++) {
		uint64_t no = w->dead_seen + 1, data;

		if (shmchan_view_dead(v, no, &d)) {
			// Of what is dropped a letter is kept only until its sender has been told.
			if (w->on_crash != SHMCHAN_DROP)
				world_violation(w, "dead letter %llu can't be read", (unsigned long long)no);
			continue;
		}
		memcpy(&data, d.data, 8);
		d.corr = d.corr ? d.corr : d.type;
		if (strcmp(d.channel, "c") != 0 || !known(w, d.corr, "dead letter"))
			continue;
		SEEN(w, d.corr).dead++;
		SEEN(w, d.corr).had_block |= d.had_block;
		if (d.len != 8 || d.bytes != 8 || data != d.corr)
			world_violation(w, "dead letter of %llu has other content",
					(unsigned long long)d.corr);
	}
	shmchan_view_close(v);
}

static void complain(void *ctx, const char *object, const char *text)
{
	world_violation(ctx, "check: %s: %s", object, text);
}

static void read_notes(struct world *w)
{
	for (unsigned i = 0; i < w->notes->cnt; i++) {
		struct note *n = &w->notes->note[i];

		if (n->corr >= w->next && (n->what == NOTE_SENDING || n->what == NOTE_SENT))
			w->next = n->corr + 1;
		if (n->what != NOTE_TAKING && !known(w, n->corr, "note"))
			continue;
		switch (n->what) {
		case NOTE_SENDING:
			SEEN(w, n->corr).maybe = 1;
			break;
		case NOTE_SENT:
			SEEN(w, n->corr).certain = 1;
			break;
		case NOTE_TAKING:
			w->takings++;
			break;
		case NOTE_TAKEN:
			break;
		case NOTE_ANSWER_BEGIN:
			SEEN(w, n->corr).answering = 1;
			SEEN(w, n->corr).maybe_done = 1;
			break;
		case NOTE_DONE_BEGIN:
			SEEN(w, n->corr).maybe_done = 1;
			break;
		case NOTE_DONE:
		case NOTE_ANSWERED:
			SEEN(w, n->corr).done = 1;
			break;
		case NOTE_NOTICE:
			SEEN(w, n->corr).notices++;
			break;
		}
	}
}

// A batch is sent from its first message on, and completed as one.
static void judge_batches(struct world *w)
{
	unsigned completed = 0, not_completed = 0;

	for (uint64_t corr = 1; corr < w->next; corr++) {
		typeof(w->seen[0]) *s = &SEEN(w, corr), *behind = &SEEN(w, corr + 1);

		if (s->maybe && !s->certain && s->got + s->dead == 0 && corr + 1 < w->next && behind->maybe &&
		    behind->got + behind->dead)
			world_violation(w, "message %llu of a batch was sent, the one before it was not",
					(unsigned long long)corr + 1);
		if (s->maybe_done && !s->done) {
			completed += s->got + s->dead == 0;
			not_completed += s->got + s->dead != 0;
		}
	}
	if (completed && not_completed && w->on_crash != SHMCHAN_DROP)
		world_violation(w, "of a batch %u are completed, %u are not", completed, not_completed);
}

static void judge(struct world *w)
{
	uint64_t tally = 0, is = shmchan_tally_get(w->ends[1].c, 0);
	unsigned vanished = 0, may_vanish = w->on_crash == SHMCHAN_DROP ? w->takings : 0;

	for (uint64_t corr = 1; corr < w->next; corr++) {
		typeof(w->seen[0]) *s = &SEEN(w, corr);
		unsigned ends = s->got + s->dead, found = ends + s->done;
		unsigned long long n = corr;

		if (!s->certain && !s->maybe)
			continue;
		tally += s->got + (w->actor_tallies && s->certain && !ends && (s->maybe_done || s->done));
		// Completed by the dead: neither received again nor a dead letter. A call that had begun may count or not.
		if (found > 1)
			world_violation(w, "message %llu: received %u, dead letters %u, completed %u", n,
					s->got, s->dead, s->done);
		if (found == 0 && s->certain && !s->maybe_done && vanished++ >= may_vanish)
			world_violation(w, "message %llu is lost", n);
		// A broker that dies while it gives messages back counts a delivery that was none: it may have been the last.
		// And a message whose block the dead had freed is none to be given again.
		if (s->dead && (w->on_crash == SHMCHAN_DROP ||
				(w->on_crash == SHMCHAN_REDELIVER && w->broker_k < 0 && !s->had_block)))
			world_violation(w, "message %llu is a dead letter against the policy", n);
		if (s->answers + s->notices > 1)
			world_violation(w, "message %llu: %u answers, %u notices", n, s->answers, s->notices);
		if (s->wants_reply && s->dead && s->notices != 1)
			world_violation(w, "message %llu is a dead letter, and its sender was told %u times",
					n, s->notices);
		if (s->wants_reply && s->dead && s->answers)
			world_violation(w, "message %llu is a dead letter and answered", n);
		if (s->wants_reply && s->answering && !ends && s->certain && !s->answers &&
		    !(w->on_crash == SHMCHAN_DROP && s->notices))
			world_violation(w, "message %llu is completed without an answer", n);
	}
	// A message dropped at the end of its completion may have been counted or not.
	if (is != tally && w->on_crash != SHMCHAN_DROP)
		world_violation(w, "the counter is %llu, not %llu", (unsigned long long)is,
				(unsigned long long)tally);
}

// Order: numbers of one producer arrive growing; checked by the receiver as it drains.
static void drain(struct world *w)
{
	uint64_t last[WORLD_SLOTS + 1] = {0};
	struct ends *rx = &w->ends[2];
	struct shmchan_msg m;

	for (unsigned n = 0; shmchan_take(rx->c, &m) == 0; n++) {
		unsigned from = m.sender & 0xfff;

		world_number(&m);
		if (n > w->cap + 1u) {
			world_violation(w, "more messages than the channel holds");
			return;
		}
		check_content(w, rx->pool, &m);
		if (from > WORLD_SLOTS || m.corr <= last[from])
			world_violation(w, "message %llu of slot %u out of order", (unsigned long long)m.corr,
					from);
		else
			last[from] = m.corr;
		if (known(w, m.corr, "receipt"))
			SEEN(w, m.corr).got++;
		must(shmchan_tally_add(rx->c, 0, 1), "tally");
		must(shmchan_done(rx->c), "done");
	}
	// An empty channel, seen from its other end too; that end then frees for the producers what it has done.
	if (w->ends[4].c && shmchan_take(w->ends[4].c, &m) != SHMCHAN_EMPTY)
		world_violation(w, "one consumer finds the channel empty, the other message %llu",
				(unsigned long long)m.corr);
}

static void refill(struct world *w)
{
	uint32_t cap = shmchan_capacity(w->ends[1].c), n = 0;

	while (n <= cap && world_send(w, n % 2 && w->ends[3].c ? 3 : 1, false, false) == 0)
		n++;
	if (n != cap)
		world_violation(w, "an empty channel of %u took %u messages", cap, n);
	drain(w);
}

static void check_pool(struct world *w)
{
	struct shmchan_view_pool p;
	struct shmchan_view *v;

	must(shmchan_view_open(&v, w->group, NULL), "view");
	must(shmchan_view_pool(v, 0, &p), "view pool");
	shmchan_view_close(v);
	if (p.free != p.block_cnt)
		world_violation(w, "of %u blocks %u are free (owned %u, kept %u, sent %u)", p.block_cnt,
				p.free, p.owned, p.kept, p.sent);
}

void world_bury(struct world *w, unsigned slot, pid_t pid)
{
	struct shmchan_death death = {.pid = pid, .code = CLD_KILLED, .status = SIGKILL};

	must(shmchan_broker_recover(w->b, slot, &death, NULL), "recover");
	if (shmchan_broker_check(w->b, complain, w))
		world_violation(w, "check after recovery");
}

void world_orphan(struct world *w)
{
	struct shmchan_map m;

	shmchan_broker_leave(w->b);
	w->b = NULL;
	must(shmchan_map_open(&m, w->group, true, NULL), "map");
	atomic_store(&m.c.ctl->broker_pid, 0);
	shmchan_map_close(&m);
}

void world_adopt(struct world *w)
{
	struct shmchan_why why = {0};
	int err = shmchan_broker_adopt(&w->b, w->group, &why);

	if (err)
		fprintf(stderr, "crash: %s: %s\n", why.object, why.text);
	must(err, "adopt");
}

// A clean end of a slot that is attached in this process.
static void next_incarnation(struct world *w, unsigned slot)
{
	world_detach(w, slot);
	must(shmchan_broker_recover(w->b, slot, NULL, NULL), "recover");
	must(shmchan_broker_announce(w->b, slot, &w->inc[slot]), "announce");
}

static void receive_all_replies(struct world *w)
{
	struct ends *asker = &w->ends[1];

	// The broker may have one notice at a time for a 1 -> 1 channel.
	for (unsigned i = 0; i < w->cap + 2u; i++) {
		shmchan_broker_retry(w->b);
		receive_replies(w, asker, asker->reply);
		receive_replies(w, asker, asker->refs);
	}
}

void world_settle(struct world *w, unsigned slot)
{
	must(shmchan_broker_announce(w->b, slot, &w->inc[slot]), "announce");
	read_notes(w);
	world_attach(w, slot);
	drain(w);
	receive_all_replies(w);
	read_letters(w);
	judge(w);
	judge_batches(w);
	refill(w);
	judge(w);
	if (shmchan_broker_check(w->b, complain, w))
		world_violation(w, "check after refilling");
	for (unsigned i = 1; i <= w->slots; i++)
		next_incarnation(w, i);
	check_pool(w);
}
