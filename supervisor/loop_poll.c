#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "supervisor/loop_inside.h"

struct polled {
	struct pollfd *fds;
	uint32_t *places; // of fds[i]
	uint32_t room;
	uint32_t from; // where the next scan begins, so that a busy descriptor can't starve the ones after it
};

static int poll_open(void **state)
{
	*state = calloc(1, sizeof(struct polled));
	return *state ? 0 : ENOMEM;
}

static void poll_close(void *state)
{
	struct polled *p = state;

	free(p->fds);
	free(p->places);
	free(p);
}

// The places say all that is needed at the next wait.
static void poll_nothing(void *state, const struct loop_place *places, uint32_t place)
{
}

static bool poll_waits_for_words(void *state)
{
	return false;
}

static bool make_room(struct polled *p, uint32_t cnt)
{
	void *fds, *places;

	if (cnt <= p->room)
		return true;
	fds = realloc(p->fds, cnt * sizeof(*p->fds));
	p->fds = fds ? fds : p->fds;
	places = realloc(p->places, cnt * sizeof(*p->places));
	p->places = places ? places : p->places;
	if (!fds || !places)
		return false;
	p->room = cnt;
	return true;
}

static int poll_wait(void *state, const struct loop_place *places, uint32_t place_cnt, uint64_t timeout_ns,
		     struct loop_hit *hits)
{
	struct polled *p = state;
	struct timespec ts = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
	uint32_t cnt = 0;
	int ready, n = 0;

	if (!make_room(p, place_cnt))
		return -ENOMEM;
	for (uint32_t i = 1; i < place_cnt; i++)
		if (places[i].watch) {
			p->fds[cnt] = (struct pollfd){places[i].watch->fd, places[i].watch->events, 0};
			p->places[cnt++] = i;
		}
	ready = ppoll(p->fds, cnt, timeout_ns == UINT64_MAX ? NULL : &ts, NULL);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	for (uint32_t k = 0; k < cnt && n < ready && n < LOOP_HIT_MAX; k++) {
		uint32_t i = (p->from + k) % cnt;

		if (p->fds[i].revents)
			hits[n++] = (struct loop_hit){p->places[i], places[p->places[i]].generation,
						      p->fds[i].revents};
	}
	p->from++;
	return n;
}

const struct loop_ops loop_poll_ops = {"poll",	   poll_open,	 poll_close, poll_waits_for_words,
				       poll_nothing, poll_nothing, poll_wait};
