#include "tests/crash/scenes.h"

#include <string.h>

static bool any(enum shmchan_kind kind)
{
	(void)kind;
	return true;
}

static bool copies(enum shmchan_kind kind)
{
	return kind != SHMCHAN_KIND_SLOT_REF;
}

// ---------------------------------------------------------------------------------------------- as a producer

static struct shmchan_msg next_message(struct stage *s)
{
	static uint64_t number;

	number = s->w->next;
	return (struct shmchan_msg){.corr = number,
				    .data = &number,
				    .len = sizeof(number),
				    .reply = s->scene->replies ? shmchan_id(s->actor.reply) : 0};
}

static void send_one(struct stage *s)
{
	struct shmchan_msg m = next_message(s);

	if (s->scene->blocks || s->w->kind == SHMCHAN_KIND_SLOT_REF) {
		if (shmchan_block_alloc(s->actor.pool, &m.block))
			return;
		memcpy(shmchan_block_data(s->actor.pool, m.block), m.data, m.len);
	}
	world_note(s->w, NOTE_SENDING, m.corr);
	if (shmchan_try_send(s->actor.c, &m) == 0)
		world_note(s->w, NOTE_SENT, m.corr);
	else if (m.block)
		shmchan_block_free(s->actor.pool, m.block);
}

static void reserve_commit(struct stage *s)
{
	struct shmchan_msg m = next_message(s);
	void *data;

	if (shmchan_reserve(s->actor.c, &data))
		return;
	memcpy(data, m.data, m.len);
	world_note(s->w, NOTE_SENDING, m.corr);
	if (shmchan_commit(s->actor.c, &m) == 0)
		world_note(s->w, NOTE_SENT, m.corr);
}

static void reserve_cancel(struct stage *s)
{
	void *data;

	if (shmchan_reserve(s->actor.c, &data) == 0)
		shmchan_cancel(s->actor.c);
}

static void alloc_free(struct stage *s)
{
	shmchan_block a, b;

	if (shmchan_block_alloc(s->actor.pool, &a) || shmchan_block_alloc(s->actor.pool, &b))
		return;
	shmchan_block_free(s->actor.pool, a);
	shmchan_block_free(s->actor.pool, b);
}

// Fills the channel and sleeps for room: the doorbell, tx_wait.
static void send_and_sleep(struct stage *s)
{
	struct shmchan_msg m = next_message(s);

	world_note(s->w, NOTE_SENDING, m.corr);
	if (shmchan_send(s->actor.c, &m, 200000) == 0)
		world_note(s->w, NOTE_SENT, m.corr);
}

// ---------------------------------------------------------------------------------------------- as a consumer

static void take_one(struct stage *s)
{
	if (shmchan_take(s->actor.c, &s->m) == 0)
		world_note(s->w, NOTE_TAKEN, s->m.corr);
}

static void finish_one(struct stage *s)
{
	if (!s->m.corr)
		return;
	if (s->m.block)
		shmchan_block_free(s->actor.pool, s->m.block);
	if (s->scene->tallies)
		shmchan_tally_add(s->actor.c, 0, 1);
	world_note(s->w, NOTE_DONE_BEGIN, s->m.corr);
	if (shmchan_done(s->actor.c) == 0)
		world_note(s->w, NOTE_DONE, s->m.corr);
}

static void take_and_finish(struct stage *s)
{
	take_one(s);
	finish_one(s);
}

static void receive_and_sleep(struct stage *s)
{
	if (shmchan_recv(s->actor.c, &s->m, 200000) == 0)
		world_note(s->w, NOTE_TAKEN, s->m.corr);
}

static void answer_with(struct stage *s, struct shmchan *tx, bool block)
{
	struct shmchan_msg r = {.corr = s->m.corr, .type = 3};

	if (!s->m.corr)
		return;
	if (block) {
		if (shmchan_block_alloc(s->actor.pool, &r.block))
			return;
	}
	if (s->scene->tallies)
		shmchan_tally_add(s->actor.c, 0, 1);
	world_note(s->w, NOTE_ANSWER_BEGIN, s->m.corr);
	if (shmchan_try_answer(s->actor.c, tx, &r) == 0)
		world_note(s->w, NOTE_ANSWERED, s->m.corr);
}

static void answer(struct stage *s)
{
	answer_with(s, s->actor.reply, false);
}

static void answer_with_block(struct stage *s)
{
	answer_with(s, s->actor.refs, true);
}

const struct scene scenes[] = {
	{"send", 1, false, true, false, 0, SHMCHAN_KIND_SLOT, send_one, any},
	{"send block", 1, true, false, false, 0, SHMCHAN_KIND_SLOT, send_one, copies},
	{"reserve, commit", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, reserve_commit, copies},
	{"reserve, cancel", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, reserve_cancel, any},
	{"alloc, free", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, alloc_free, any},
	{"send, sleep", 1, false, false, false, 0, SHMCHAN_KIND_SLOT, send_and_sleep, copies},
	{"take", 2, false, true, false, 0, SHMCHAN_KIND_SLOT, take_one, any},
	{"take block, done", 2, true, true, false, 0, SHMCHAN_KIND_MPSC, take_and_finish, any},
	{"take, tally, done", 2, false, false, true, 0, SHMCHAN_KIND_SLOT, take_and_finish, any},
	{"done of the first of two", 2, false, true, true, 2, SHMCHAN_KIND_MPSC, finish_one, copies},
	{"receive, sleep", 2, false, false, false, 0, SHMCHAN_KIND_SLOT, receive_and_sleep, any},
	{"answer into slot", 2, false, true, true, 1, SHMCHAN_KIND_SLOT, answer, any},
	{"answer into spsc", 2, false, true, true, 1, SHMCHAN_KIND_SPSC, answer, any},
	{"answer into mpsc", 2, false, true, true, 1, SHMCHAN_KIND_MPSC, answer, any},
	{"answer with block", 2, false, true, true, 1, SHMCHAN_KIND_SLOT, answer_with_block, any},
};
const unsigned scene_cnt = sizeof(scenes) / sizeof(scenes[0]);
