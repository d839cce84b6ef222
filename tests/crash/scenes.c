#include "tests/crash/scenes.h"

#include <string.h>
#include "shmchan/inline.h"
#include "shmchan/proc.h"

static bool any(enum shmchan_kind kind)
{
	(void)kind;
	return true;
}

static bool copies(enum shmchan_kind kind)
{
	return !world_refs(kind);
}

// Has it a path in inline.h? And one kind that hasn't.
static bool inlined(enum shmchan_kind kind)
{
	return kind == SHMCHAN_KIND_SLOT || kind == SHMCHAN_KIND_SPSC || kind == SHMCHAN_KIND_MPSC;
}

// ---------------------------------------------------------------------------------------------- as a producer

static struct ends *own(struct stage *s)
{
	return &s->w->ends[s->scene->slot];
}

static struct shmchan_msg next_message(struct stage *s)
{
	static uint64_t number;
	struct shmchan_msg m;

	number = s->w->next;
	m = world_message(&number);
	if (s->scene->replies)
		world_ask(&m, shmchan_id(own(s)->reply));
	return m;
}

static void send_one(struct stage *s)
{
	struct shmchan_msg m = next_message(s);

	if (s->scene->blocks || world_refs(s->w->kind)) {
		if (shmchan_block_alloc(own(s)->pool, &m.block))
			return;
		memcpy(shmchan_block_data(own(s)->pool, m.block), m.data, m.len);
	}
	world_note(s->w, NOTE_SENDING, *(const uint64_t *)m.data);
	if (shmchan_try_send(own(s)->c, &m) == 0)
		world_note(s->w, NOTE_SENT, *(const uint64_t *)m.data);
	else if (m.block)
		shmchan_block_free(own(s)->pool, m.block);
}

#define BATCH 3

static void send_batch(struct stage *s)
{
	struct shmchan_msg m[BATCH];
	uint64_t number[BATCH];
	int sent;

	for (unsigned i = 0; i < BATCH; i++) {
		number[i] = s->w->next + i;
		m[i] = world_message(&number[i]);
		world_note(s->w, NOTE_SENDING, number[i]);
	}
	sent = shmchan_try_send_batch(own(s)->c, m, BATCH);
	for (int i = 0; i < sent; i++)
		world_note(s->w, NOTE_SENT, number[i]);
}

static void reserve_commit(struct stage *s)
{
	struct shmchan_msg m = next_message(s);
	void *data;

	if (shmchan_reserve(own(s)->c, &data))
		return;
	memcpy(data, m.data, m.len);
	world_note(s->w, NOTE_SENDING, *(const uint64_t *)m.data);
	if (shmchan_commit(own(s)->c, &m) == 0)
		world_note(s->w, NOTE_SENT, *(const uint64_t *)m.data);
}

// The same as a program with inline.h has it compiled in. All its messages are plain: the type is the number.
static void send_inline(struct stage *s)
{
	uint64_t number = s->w->next;

	world_note(s->w, NOTE_SENDING, number);
	if (shmchan_inline_try_send(own(s)->c, (uint16_t)number, &number, sizeof(number)) == 0)
		world_note(s->w, NOTE_SENT, number);
}

static void reserve_commit_inline(struct stage *s)
{
	uint64_t number = s->w->next;
	void *data;

	if (shmchan_inline_reserve(own(s)->c, &data))
		return;
	memcpy(data, &number, sizeof(number));
	world_note(s->w, NOTE_SENDING, number);
	if (shmchan_inline_commit(own(s)->c, (uint16_t)number, sizeof(number)) == 0)
		world_note(s->w, NOTE_SENT, number);
}

static void reserve_cancel(struct stage *s)
{
	void *data;

	if (shmchan_reserve(own(s)->c, &data) == 0)
		shmchan_cancel(own(s)->c);
}

static void alloc_free(struct stage *s)
{
	shmchan_block a, b;

	if (shmchan_block_alloc(own(s)->pool, &a) || shmchan_block_alloc(own(s)->pool, &b))
		return;
	shmchan_block_free(own(s)->pool, a);
	shmchan_block_free(own(s)->pool, b);
}

// Sleeps for room: the doorbell, tx_wait. It looks only once before, or most instructions would be of the same loop.
static void send_and_sleep(struct stage *s)
{
	struct shmchan_msg m = next_message(s);

	own(s)->proc->spins = 1;
	world_note(s->w, NOTE_SENDING, *(const uint64_t *)m.data);
	if (shmchan_send(own(s)->c, &m, SHMCHAN_FOREVER) == 0)
		world_note(s->w, NOTE_SENT, *(const uint64_t *)m.data);
}

// Sleeps for room in the one channel or a message in the other.
static void select_and_send(struct stage *s)
{
	struct shmchan_sel sel[] = {{.ch = own(s)->c}, {.ch = own(s)->reply}};

	own(s)->proc->spins = 1;
	if (shmchan_select(own(s)->proc, sel, 2, SHMCHAN_FOREVER) > 0 && sel[0].ready)
		send_one(s);
}

// ---------------------------------------------------------------------------------------------- as a consumer

static void take_one(struct stage *s)
{
	world_note(s->w, NOTE_TAKING, 0);
	if (shmchan_take(own(s)->c, &s->m) == 0) {
		world_number(&s->m);
		world_note(s->w, NOTE_TAKEN, s->m.corr);
	}
}

static void finish_one(struct stage *s)
{
	if (!s->m.corr)
		return;
	if (s->m.block)
		shmchan_block_free(own(s)->pool, s->m.block);
	if (s->scene->tallies)
		shmchan_tally_add(own(s)->c, 0, 1);
	world_note(s->w, NOTE_DONE_BEGIN, s->m.corr);
	if (shmchan_done(own(s)->c) == 0)
		world_note(s->w, NOTE_DONE, s->m.corr);
}

static void take_and_finish(struct stage *s)
{
	take_one(s);
	finish_one(s);
}

static void finish_inline(struct stage *s)
{
	if (s->m.block)
		shmchan_block_free(own(s)->pool, s->m.block);
	world_note(s->w, NOTE_DONE_BEGIN, s->m.corr);
	if (shmchan_inline_done(own(s)->c) == 0)
		world_note(s->w, NOTE_DONE, s->m.corr);
}

// The first take begins a run, the second is in it.
static void take_and_finish_inline(struct stage *s)
{
	for (unsigned i = 0; i < 2; i++) {
		world_note(s->w, NOTE_TAKING, 0);
		if (shmchan_inline_take(own(s)->c, &s->m))
			return;
		world_number(&s->m);
		world_note(s->w, NOTE_TAKEN, s->m.corr);
		finish_inline(s);
	}
}

static void take_and_finish_batch(struct stage *s)
{
	struct shmchan_msg m[BATCH];
	int n;

	for (unsigned i = 0; i < BATCH; i++)
		world_note(s->w, NOTE_TAKING, 0);
	n = shmchan_take_batch(own(s)->c, m, BATCH);
	for (int i = 0; i < n; i++) {
		world_number(&m[i]);
		world_note(s->w, NOTE_TAKEN, m[i].corr);
		if (m[i].block)
			shmchan_block_free(own(s)->pool, m[i].block);
		shmchan_tally_add(own(s)->c, 0, 1);
	}
	for (int i = 0; i < n; i++)
		world_note(s->w, NOTE_DONE_BEGIN, m[i].corr);
	if (n > 0 && shmchan_done_batch(own(s)->c, (unsigned)n) == 0)
		for (int i = 0; i < n; i++)
			world_note(s->w, NOTE_DONE, m[i].corr);
}

static void receive_and_sleep(struct stage *s)
{
	own(s)->proc->spins = 1;
	world_note(s->w, NOTE_TAKING, 0);
	if (shmchan_recv(own(s)->c, &s->m, SHMCHAN_FOREVER) == 0) {
		world_number(&s->m);
		world_note(s->w, NOTE_TAKEN, s->m.corr);
	}
}

static void receive_any_and_sleep(struct stage *s)
{
	struct shmchan_sel sel = {.ch = own(s)->c};

	own(s)->proc->spins = 1;
	world_note(s->w, NOTE_TAKING, 0);
	if (shmchan_recv_any(own(s)->proc, &sel, 1, &s->m, SHMCHAN_FOREVER) == 0) {
		world_number(&s->m);
		world_note(s->w, NOTE_TAKEN, s->m.corr);
	}
}

static void answer_with(struct stage *s, struct shmchan *tx, bool block)
{
	struct shmchan_msg r = {.corr = s->m.corr, .type = 3};

	if (!s->m.corr)
		return;
	if (block) {
		if (shmchan_block_alloc(own(s)->pool, &r.block))
			return;
	}
	if (s->scene->tallies)
		shmchan_tally_add(own(s)->c, 0, 1);
	world_note(s->w, NOTE_ANSWER_BEGIN, s->m.corr);
	if (shmchan_try_answer(own(s)->c, tx, &r) == 0)
		world_note(s->w, NOTE_ANSWERED, s->m.corr);
}

// The block goes on before its first message is completed: it is the second's, whatever becomes of the first.
static void pass_block_on(struct stage *s)
{
	bool chained = s->scene->reply_kind == SHMCHAN_KIND_MPSC_INTRUSIVE;
	struct shmchan_msg r = {.type = 3};

	take_one(s);
	if (!s->m.corr)
		return;
	r.corr = s->m.corr;
	r.block = s->m.block;
	if (shmchan_try_send(chained ? own(s)->reply : own(s)->refs, &r))
		shmchan_block_free(own(s)->pool, s->m.block);
	world_note(s->w, NOTE_DONE_BEGIN, s->m.corr);
	if (shmchan_done(own(s)->c) == 0)
		world_note(s->w, NOTE_DONE, s->m.corr);
}

static void answer(struct stage *s)
{
	answer_with(s, own(s)->reply, false);
}

static void answer_in_block(struct stage *s)
{
	answer_with(s, own(s)->reply, true);
}

static void answer_with_block(struct stage *s)
{
	answer_with(s, own(s)->refs, true);
}

const struct scene scenes[] = {
	{"send", 1, false, true, false, 0, SHMCHAN_KIND_SLOT, send_one, any, WAKEFUL},
	{"send block", 1, true, false, false, 0, SHMCHAN_KIND_SLOT, send_one, copies, WAKEFUL},
	{"send batch", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_batch, copies, WAKEFUL},
	{"reserve, commit", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, reserve_commit, copies, WAKEFUL},
	{"send, inline", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_inline, inlined, WAKEFUL},
	{"reserve, commit, inline", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, reserve_commit_inline, inlined, WAKEFUL},
	{"send, inline, wake", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_inline, inlined, WAKES},
	{"reserve, cancel", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, reserve_cancel, any, WAKEFUL},
	{"alloc, free", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, alloc_free, any, WAKEFUL},
	{"send, sleep", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_and_sleep, copies, SLEEPS},
	{"select, send, sleep", 1, false, true, false, 0, SHMCHAN_KIND_SLOT, select_and_send, any, SLEEPS},
	{"send, wake", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_one, any, WAKES},
	{"take", 2, false, true, false, 0, SHMCHAN_KIND_SLOT, take_one, any, WAKEFUL},
	{"take block, done", 2, true, true, false, 0, SHMCHAN_KIND_MPSC, take_and_finish, any, WAKEFUL},
	{"take block, pass it on, done", 2, true, false, false, 0, SHMCHAN_KIND_SLOT, pass_block_on, any, WAKEFUL},
	{"take block, pass it on into mpsc-intrusive, done", 2, true, false, false, 0, SHMCHAN_KIND_MPSC_INTRUSIVE, pass_block_on,
	 any, WAKEFUL},
	{"take, tally, done", 2, false, false, true, 0, SHMCHAN_KIND_SLOT, take_and_finish, any, WAKEFUL},
	{"take, done batch", 2, false, true, true, 0, SHMCHAN_KIND_MPSC, take_and_finish_batch, any, WAKEFUL},
	{"done of the first of two", 2, false, true, true, 2, SHMCHAN_KIND_MPSC, finish_one, copies, WAKEFUL},
	{"receive, sleep", 2, false, false, false, 0, SHMCHAN_KIND_SLOT, receive_and_sleep, any, SLEEPS},
	{"receive any, sleep", 2, false, true, false, 0, SHMCHAN_KIND_SLOT, receive_any_and_sleep, any,
	 SLEEPS},
	{"take, done, wake", 2, false, false, false, 0, SHMCHAN_KIND_SLOT, take_and_finish, any, WAKES},
	{"take, done of two, inline", 2, false, false, false, 0, SHMCHAN_KIND_SLOT, take_and_finish_inline, inlined, WAKEFUL},
	{"take, done of two, inline, wake", 2, false, false, false, 0, SHMCHAN_KIND_SLOT, take_and_finish_inline, inlined, WAKES},
	{"answer into slot", 2, false, true, true, 1, SHMCHAN_KIND_SLOT, answer, any, WAKEFUL},
	{"answer into spsc", 2, false, true, true, 1, SHMCHAN_KIND_SPSC, answer, any, WAKEFUL},
	{"answer into mpsc", 2, false, true, true, 1, SHMCHAN_KIND_MPSC, answer, any, WAKEFUL},
	{"answer into mpsc-list", 2, false, true, true, 1, SHMCHAN_KIND_MPSC_LIST, answer, any, WAKEFUL},
	{"answer into mpsc-intrusive", 2, false, true, true, 1, SHMCHAN_KIND_MPSC_INTRUSIVE, answer_in_block, any, WAKEFUL},
	{"answer into mpmc2", 2, false, true, true, 1, SHMCHAN_KIND_MPMC2, answer, any, WAKEFUL},
	{"answer with block", 2, false, true, true, 1, SHMCHAN_KIND_SLOT, answer_with_block, any, WAKEFUL},
};
const unsigned scene_cnt = sizeof(scenes) / sizeof(scenes[0]);

// As if the ring were deep: what is completed is given back in threes, and completing is one store between.
static void give_back_late(struct shmchan *rx)
{
	rx->batch = 3;
	rx->hot.done_end = rx->freed + rx->batch - 1;
}

void scene_before(void *stage)
{
	struct stage *s = stage;

	world_attach(s->w, s->scene->slot);
	if (s->scene->op == take_and_finish_inline && s->w->kind == SHMCHAN_KIND_SPSC)
		give_back_late(own(s)->c);
	s->m = (struct shmchan_msg){0};
	for (unsigned i = 0; i < s->scene->take; i++) {
		struct shmchan_msg m;

		world_note(s->w, NOTE_TAKING, 0);
		if (shmchan_take(own(s)->c, &m))
			break;
		world_number(&m);
		world_note(s->w, NOTE_TAKEN, m.corr);
		if (i == 0)
			s->m = m;
	}
}

void scene_op(void *stage)
{
	struct stage *s = stage;

	s->scene->op(s);
}

void scene_peer(struct stage *s, unsigned turn)
{
	// The producer in this process numbers its messages behind those the actor might be sending.
	s->w->next += 8;
	if (turn == 1 && s->w->ends[3].c)
		world_send(s->w, 3, false, false);
	else if (turn == 2 && s->w->ends[4].c)
		world_receive(s->w, 4);
	else if (s->scene->slot == 1)
		world_receive(s->w, 2);
	else
		world_send(s->w, 1, s->scene->blocks, s->scene->replies);
}
