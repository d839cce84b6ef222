#include "supervisor/loop.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "supervisor/loop_inside.h"
#include "supervisor/loop_words.h"

struct loop {
	const struct loop_ops *ops;
	void *state;
	struct loop_place *places; // place 0 is nobody's
	uint32_t place_cnt, place_room;
	struct words *words; // where the state can't wait for them; NULL: there was none to wait for
	struct loop_watch poked; // by them
	struct loop_timer **heap; // heap[1] is due first
	unsigned timer_cnt, timer_room;
};

uint64_t loop_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int loop_new(struct loop **out, enum loop_kind kind)
{
	struct loop *l = calloc(1, sizeof(*l));
	int err = ENOSYS;

	*out = NULL;
	if (!l)
		return ENOMEM;
	l->place_cnt = 1;
	if (kind != LOOP_POLL) {
		l->ops = &loop_uring_ops;
		err = l->ops->open(&l->state);
	}
	if (err && kind != LOOP_IO_URING) {
		l->ops = &loop_poll_ops;
		err = l->ops->open(&l->state);
	}
	if (err) {
		free(l);
		return err;
	}
	*out = l;
	return 0;
}

void loop_delete(struct loop *l)
{
	if (!l)
		return;
	words_close(l->words);
	l->ops->close(l->state);
	free(l->places);
	free(l->heap);
	free(l);
}

const char *loop_kind_name(const struct loop *l)
{
	return l->ops->name;
}

static bool grow(void **array, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 64;
	void *p = realloc(*array, more * size);

	if (!p)
		return false;
	memset((char *)p + *room * size, 0, (more - *room) * size);
	*array = p;
	*room = more;
	return true;
}

static bool is_for_words(const struct loop *l, const struct loop_watch *w)
{
	return l->words && w->fd == LOOP_FUTEX;
}

static void arm(struct loop *l, uint32_t i)
{
	const struct loop_place *p = &l->places[i];
	const struct loop_futex *f = (const struct loop_futex *)p->watch;

	if (is_for_words(l, p->watch))
		words_arm(l->words, i, p->generation, f->word, f->value);
	else
		l->ops->arm(l->state, l->places, i);
	l->places[i].armed = true;
}

static void disarm(struct loop *l, uint32_t i)
{
	if (is_for_words(l, l->places[i].watch))
		words_disarm(l->words, i);
	else
		l->ops->disarm(l->state, l->places, i);
	l->places[i].armed = false;
}

static void on_words(struct loop_watch *w, short revents);

static int open_words(struct loop *l)
{
	int err = l->words || l->ops->waits_for_words(l->state) ? 0 : words_open(&l->words);

	if (err || !l->words || l->poked.place)
		return err;
	l->poked = (struct loop_watch){words_fd(l->words), POLLIN, true, on_words, 0};
	return loop_watch(l, &l->poked);
}

int loop_watch(struct loop *l, struct loop_watch *w)
{
	uint32_t i = 1;
	int err = w->fd == LOOP_FUTEX ? open_words(l) : 0;

	if (err)
		return err;
	while (i < l->place_cnt && l->places[i].watch)
		i++;
	if (i >= l->place_room && !grow((void **)&l->places, &l->place_room, sizeof(*l->places)))
		return ENOMEM;
	if (is_for_words(l, w) && (err = words_reserve(l->words, i)))
		return err;
	if (i == l->place_cnt)
		l->place_cnt++;
	l->places[i].watch = w;
	l->places[i].generation++;
	w->place = i;
	arm(l, i);
	return 0;
}

static struct loop_place *place_of(struct loop *l, const struct loop_watch *w)
{
	return w->place && w->place < l->place_cnt && l->places[w->place].watch == w ? &l->places[w->place]
										     : NULL;
}

void loop_watch_events(struct loop *l, struct loop_watch *w, short events)
{
	struct loop_place *p = place_of(l, w);

	if (!p || w->events == events)
		return;
	if (p->armed)
		disarm(l, w->place);
	p->generation++;
	w->events = events;
	arm(l, w->place);
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
	struct loop_place *p = place_of(l, w);

	if (!p)
		return;
	if (p->armed)
		disarm(l, w->place);
	if (is_for_words(l, w))
		words_release(l->words, w->place);
	p->watch = NULL;
	p->generation++;
	w->place = 0;
}

static void heap_put(struct loop *l, unsigned i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->place = i;
}

static void heap_up(struct loop *l, unsigned i, struct loop_timer *t)
{
	for (; i > 1 && l->heap[i / 2]->due_ns > t->due_ns; i /= 2)
		heap_put(l, i, l->heap[i / 2]);
	heap_put(l, i, t);
}

static void heap_down(struct loop *l, unsigned i, struct loop_timer *t)
{
	for (unsigned c; (c = i * 2) <= l->timer_cnt; i = c) {
		if (c < l->timer_cnt && l->heap[c + 1]->due_ns < l->heap[c]->due_ns)
			c++;
		if (l->heap[c]->due_ns >= t->due_ns)
			break;
		heap_put(l, i, l->heap[c]);
	}
	heap_put(l, i, t);
}

bool loop_timer_is_set(const struct loop_timer *t)
{
	return t->place != 0;
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
	unsigned i = t->place;
	struct loop_timer *last;

	if (!i)
		return;
	t->place = 0;
	last = l->heap[l->timer_cnt--];
	if (last == t)
		return;
	if (i > 1 && l->heap[i / 2]->due_ns > last->due_ns)
		heap_up(l, i, last);
	else
		heap_down(l, i, last);
}

int loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t after_ns)
{
	loop_timer_cancel(l, t);
	if (l->timer_cnt + 1 >= l->timer_room && !grow((void **)&l->heap, &l->timer_room, sizeof(*l->heap)))
		return ENOMEM;
	t->due_ns = loop_now() + after_ns;
	heap_up(l, ++l->timer_cnt, t);
	return 0;
}

static void fire_timers(struct loop *l)
{
	uint64_t now = loop_now();

	while (l->timer_cnt && l->heap[1]->due_ns <= now) {
		struct loop_timer *t = l->heap[1];

		loop_timer_cancel(l, t);
		t->fire(t);
	}
}

static void deal(struct loop *l, const struct loop_hit *h)
{
	struct loop_watch *w = l->places[h->place].watch;

	if (!w || l->places[h->place].generation != h->generation)
		return;
	w->ready(w, h->revents);
	// The handler may have stopped the watch, and grown the places.
	struct loop_place *p = &l->places[h->place];
	if (p->watch == w && p->generation == h->generation && !p->armed)
		arm(l, h->place);
}

static void on_words(struct loop_watch *w, short revents)
{
	struct loop *l = (struct loop *)((char *)w - offsetof(struct loop, poked));
	struct loop_hit hit;

	words_heard(l->words);
	for (int n = 0; words_next(l->words, &hit); n++) {
		if (l->places[hit.place].generation == hit.generation) {
			l->places[hit.place].armed = false;
			deal(l, &hit);
		}
		if (n == LOOP_HIT_MAX) { // others have their turn
			words_poke(l->words);
			return;
		}
	}
}

int loop_turn(struct loop *l, uint64_t max_ns)
{
	struct loop_hit hits[LOOP_HIT_MAX];
	uint64_t now;
	int n;

	if (l->timer_cnt) {
		now = loop_now();
		if (l->heap[1]->due_ns <= now)
			max_ns = 0;
		else if (l->heap[1]->due_ns - now < max_ns)
			max_ns = l->heap[1]->due_ns - now;
	}
	n = l->ops->wait(l->state, l->places, l->place_cnt, max_ns, hits);
	if (n < 0)
		return -n;
	for (int i = 0; i < n; i++)
		if (l->places[hits[i].place].generation == hits[i].generation)
			l->places[hits[i].place].armed = false;
	for (int urgent = 1; urgent >= 0; urgent--)
		for (int i = 0; i < n; i++) {
			struct loop_watch *w = l->places[hits[i].place].watch;

			if (w && w->urgent == urgent)
				deal(l, &hits[i]);
		}
	fire_timers(l);
	return 0;
}
