#include "supervisor/poison.h"

#include <stdlib.h>
#include <string.h>
#include "shmchan/edit.h"
#include "supervisor/group.h"
#include "supervisor/say.h"

#define SUSPECT_MAX 64
#define LOOKED_AT 256 // bytes of a payload that tell messages apart
#define IN_FLIGHT_MAX 32
#define DRAIN_MAX 64

struct who {
	unsigned cnt; // those that are not named count as well
	uint32_t incarnation[POISON_WHO_MAX];
};

// A message that incarnations died with: by its position if it is redelivered, else by what it looks like.
struct suspect {
	bool used;
	unsigned chan, service; // of the plan
	uint64_t key;
	uint64_t turn; // of its last death: the one longest ago gives way
	struct who who;
};

struct parked {
	char channel[SHMCHAN_NAME_MAX], service[SHMCHAN_NAME_MAX];
	uint64_t pos, corr, letter;
	unsigned type;
	struct who who;
	bool told;
};

struct poison {
	struct group *group;
	uint64_t turn;
	uint64_t letters; // looked at
	struct suspect suspects[SUSPECT_MAX];
	uint64_t cnt;
	struct parked parked[POISON_KEPT]; // number n, from 1, at n % POISON_KEPT
};

static uint64_t look_of(uint16_t type, uint32_t len, const unsigned char *data, uint32_t bytes)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	h = (h ^ type) * UINT64_C(0x100000001b3);
	h = (h ^ len) * UINT64_C(0x100000001b3);
	for (uint32_t i = 0; i < bytes && i < LOOKED_AT; i++)
		h = (h ^ data[i]) * UINT64_C(0x100000001b3);
	return h;
}

static unsigned chan_of(const struct poison *p, const char *name)
{
	const struct shmchan_group_spec *spec = &p->group->plan->spec;
	unsigned i = 0;

	while (i < spec->chan_cnt && strcmp(spec->chans[i].name, name) != 0)
		i++;
	return i;
}

static struct suspect *find(struct poison *p, unsigned chan, uint64_t key)
{
	for (unsigned i = 0; i < SUSPECT_MAX; i++)
		if (p->suspects[i].used && p->suspects[i].chan == chan && p->suspects[i].key == key)
			return &p->suspects[i];
	return NULL;
}

static struct suspect *accuse(struct poison *p, unsigned chan, uint64_t key, const struct service *s)
{
	struct suspect *at = find(p, chan, key);

	if (!at) {
		at = &p->suspects[0];
		for (unsigned i = 1; i < SUSPECT_MAX && at->used; i++)
			if (!p->suspects[i].used || p->suspects[i].turn < at->turn)
				at = &p->suspects[i];
		*at = (struct suspect){.used = true,
				       .chan = chan,
				       .service = (unsigned)(s - s->group->services),
				       .key = key};
	}
	at->turn = ++p->turn;
	return at;
}

static void add_who(struct who *w, uint32_t incarnation)
{
	if (w->cnt && w->cnt <= POISON_WHO_MAX && w->incarnation[w->cnt - 1] == incarnation)
		return;
	if (w->cnt < POISON_WHO_MAX)
		w->incarnation[w->cnt] = incarnation;
	w->cnt++;
}

static struct parked *park(struct poison *p, const struct shmchan_view_dead *d)
{
	struct parked *at = &p->parked[++p->cnt % POISON_KEPT];

	*at = (struct parked){.pos = d->pos, .corr = d->corr, .letter = d->no, .type = d->type};
	memcpy(at->channel, d->channel, sizeof(at->channel));
	memcpy(at->service, d->receiver, sizeof(at->service));
	add_who(&at->who, d->incarnation);
	return at;
}

struct poison *poison_open(struct group *g)
{
	struct poison *p = calloc(1, sizeof(*p));
	struct shmchan_view_dead d;
	uint32_t kept;

	if (!p)
		return NULL;
	p->group = g;
	p->letters = shmchan_view_dead_cnt(look_view(g->look), &kept);
	for (uint64_t no = p->letters - kept + 1; no <= p->letters; no++)
		if (shmchan_view_dead(look_view(g->look), no, &d) == 0 && d.parked)
			park(p, &d)->told = true;
	return p;
}

void poison_close(struct poison *p)
{
	free(p);
}

void poison_before(struct poison *p, const struct service *s)
{
	struct shmchan_view *v = look_view(s->group->look);
	struct shmchan_view_msg m;
	unsigned cnt;
	const unsigned *inputs = look_inputs(s->group->look, (unsigned)(s - s->group->services), &cnt);

	for (unsigned i = 0; i < cnt; i++) {
		if (s->group->plan->spec.chans[inputs[i]].on_crash != SHMCHAN_REDELIVER)
			continue;
		for (uint32_t k = 0; k < IN_FLIGHT_MAX; k++) {
			int rc = shmchan_view_msg(v, inputs[i], k, &m, NULL, 0);

			if (rc == SHMCHAN_EMPTY)
				continue;
			if (rc || !m.in_flight)
				break;
			add_who(&accuse(p, inputs[i], m.pos, s)->who, s->incarnation);
		}
	}
}

// The oldest letter of a channel at this death: the message that was worked on.
static bool proven(struct poison *p, const struct service *s, unsigned chan, const struct shmchan_view_dead *d)
{
	struct suspect *at;

	if (d->had_block)
		return false;
	at = accuse(p, chan, look_of(d->type, d->len, d->data, d->bytes), s);
	// In a row: what another incarnation survived, or never met, is no poison.
	if (at->who.cnt && at->who.cnt <= POISON_WHO_MAX && at->who.incarnation[at->who.cnt - 1] + 1 != s->incarnation)
		at->who.cnt = 0;
	add_who(&at->who, s->incarnation);
	return at->who.cnt >= POISON_DEATHS;
}

static void park_proven(struct poison *p, const struct shmchan_view_dead *d, unsigned chan, uint64_t key)
{
	const struct suspect *at = find(p, chan, key);
	struct parked *parked = park(p, d);

	if (at)
		parked->who = at->who;
	shmchan_broker_park(p->group->broker, d->no);
}

// Its like that are next in the queue would kill the replacement as well.
static void park_next(struct poison *p, unsigned chan, uint64_t key)
{
	struct shmchan_view *v = look_view(p->group->look);
	const char *name = p->group->plan->spec.chans[chan].name;
	unsigned char data[LOOKED_AT];
	struct shmchan_view_msg m;
	struct shmchan_view_dead d;
	uint64_t cnt, left;

	for (unsigned n = 0; n < DRAIN_MAX; n++) {
		if (shmchan_view_msg(v, chan, 0, &m, data, sizeof(data)) || m.in_flight || m.block != SHMCHAN_NO_BLOCK ||
		    look_of(m.type, m.len, data, m.bytes) != key ||
		    shmchan_broker_drain(p->group->broker, name, 1, false, &cnt, &left, NULL) || cnt != 1)
			return;
		p->letters = shmchan_view_dead_cnt(v, &(uint32_t){0});
		if (shmchan_view_dead(v, p->letters, &d) == 0)
			park_proven(p, &d, chan, key);
	}
}

static void judge(struct poison *p, const struct service *s, const struct shmchan_view_dead *d, bool first, bool own)
{
	unsigned chan = chan_of(p, d->channel);
	const struct suspect *at;
	uint64_t key;

	if (chan == p->group->plan->spec.chan_cnt)
		return;
	if (p->group->plan->spec.chans[chan].on_crash == SHMCHAN_REDELIVER) {
		at = find(p, chan, d->pos);
		if (d->parked && at)
			park(p, d)->who = at->who;
		else if (d->parked)
			park(p, d);
		return;
	}
	if (!first || !own || !proven(p, s, chan, d))
		return;
	key = look_of(d->type, d->len, d->data, d->bytes);
	park_proven(p, d, chan, key);
	park_next(p, chan, key);
}

void poison_after(struct poison *p, const struct service *s, bool own)
{
	struct shmchan_view *v = look_view(s->group->look);
	uint64_t from = p->letters, to;
	char before[SHMCHAN_NAME_MAX] = "";
	uint32_t kept;

	to = p->letters = shmchan_view_dead_cnt(v, &kept);
	if (to - from > kept)
		from = to - kept;
	for (uint64_t no = from + 1; no <= to; no++) {
		struct shmchan_view_dead d;

		if (shmchan_view_dead(v, no, &d) || d.slot != s->slot)
			continue;
		judge(p, s, &d, strcmp(before, d.channel) != 0, own);
		memcpy(before, d.channel, sizeof(before));
	}
}

static json_t *keys_of(const struct parked *at)
{
	json_t *who = json_array();

	for (unsigned i = 0; i < at->who.cnt && i < POISON_WHO_MAX; i++)
		json_array_append_new(who, json_integer(at->who.incarnation[i]));
	return json_pack("{s:s, s:I, s:i, s:I, s:I, s:s, s:o}", "channel", at->channel, "pos", (json_int_t)at->pos,
			 "type", (int)at->type, "corr", (json_int_t)at->corr, "letter", (json_int_t)at->letter,
			 "service", at->service, "incarnations", who);
}

static uint64_t oldest(const struct poison *p)
{
	return p->cnt > POISON_KEPT ? p->cnt - POISON_KEPT + 1 : 1;
}

void poison_tell(struct poison *p)
{
	for (uint64_t n = oldest(p); n <= p->cnt; n++) {
		struct parked *at = &p->parked[n % POISON_KEPT];

		if (at->told)
			continue;
		at->told = true;
		events_put(p->group->events, "parked", keys_of(at));
		say(p->group->plan->spec.name,
		    "message %llu of channel '%s' (type %u, correlation %llu) killed %u incarnations of '%s'; it is parked as "
		    "dead letter %llu",
		    (unsigned long long)at->pos, at->channel, at->type, (unsigned long long)at->corr,
		    at->who.cnt, at->service, (unsigned long long)at->letter);
	}
}

json_t *poison_list(const struct poison *p)
{
	json_t *list = json_array();

	for (uint64_t n = oldest(p); n <= p->cnt; n++)
		json_array_append_new(list, keys_of(&p->parked[n % POISON_KEPT]));
	return list;
}

uint64_t poison_cnt(const struct poison *p)
{
	return p->cnt;
}
