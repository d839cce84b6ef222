#include "supervisor/poison.h"

#include <stdlib.h>
#include <string.h>
#include "shmchan/edit.h"
#include "supervisor/group.h"
#include "supervisor/say.h"

#define LOOKED_AT 256 // bytes of a payload that tell messages apart
#define IN_FLIGHT_MAX 32
#define DRAIN_MAX 64

struct poison {
	struct group *group;
	bool adopting; // letters of several deaths are there already
	bool changed;  // more than `letters`, since it was kept
	struct poison_state s;
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

static unsigned chan_of(const struct plan *plan, const char *name)
{
	const struct shmchan_group_spec *spec = &plan->spec;
	unsigned i = 0;

	while (i < spec->chan_cnt && strcmp(spec->chans[i].name, name) != 0)
		i++;
	return i;
}

static struct poison_suspect *find(struct poison *p, unsigned chan, uint64_t key)
{
	for (unsigned i = 0; i < POISON_SUSPECTS; i++)
		if (p->s.suspects[i].used && p->s.suspects[i].chan == chan && p->s.suspects[i].key == key)
			return &p->s.suspects[i];
	return NULL;
}

static struct poison_suspect *accuse(struct poison *p, unsigned chan, uint64_t key, const struct service *s)
{
	struct poison_suspect *at = find(p, chan, key);

	if (!at) {
		at = &p->s.suspects[0];
		for (unsigned i = 1; i < POISON_SUSPECTS && at->used; i++)
			if (!p->s.suspects[i].used || p->s.suspects[i].turn < at->turn)
				at = &p->s.suspects[i];
		*at = (struct poison_suspect){.used = true,
				       .chan = chan,
				       .service = (unsigned)(s - s->group->services),
				       .key = key};
	}
	at->turn = ++p->s.turn;
	p->changed = true;
	return at;
}

static void add_who(struct poison_who *w, uint32_t incarnation)
{
	if (w->cnt && w->cnt <= POISON_WHO_MAX && w->incarnation[w->cnt - 1] == incarnation)
		return;
	if (w->cnt < POISON_WHO_MAX)
		w->incarnation[w->cnt] = incarnation;
	w->cnt++;
}

static struct poison_parked *park(struct poison *p, const struct shmchan_view_dead *d)
{
	struct poison_parked *at = &p->s.parked[++p->s.cnt % POISON_KEPT];

	*at = (struct poison_parked){.pos = d->pos, .corr = d->corr, .letter = d->no, .type = d->type};
	memcpy(at->channel, d->channel, sizeof(at->channel));
	memcpy(at->service, d->receiver, sizeof(at->service));
	add_who(&at->who, d->incarnation);
	p->changed = true;
	return at;
}

// All of it is some pages: a replacement waits for that.
static void keep(struct poison *p)
{
	if (p->changed)
		keep_put_poison(p->group->keep, &p->s);
	else
		keep_put_letters(p->group->keep, p->s.letters);
	p->changed = false;
}

// What a file says is believed as far as it can't do harm.
static void tame(struct poison_state *s, const struct plan *plan)
{
	for (unsigned i = 0; i < POISON_SUSPECTS; i++) {
		struct poison_suspect *at = &s->suspects[i];

		if (at->chan >= plan->spec.chan_cnt || at->service >= plan->spec.service_cnt)
			*at = (struct poison_suspect){0};
	}
	s->cnt = s->cnt < INT64_MAX ? s->cnt : 0;
	for (unsigned i = 0; i < POISON_KEPT; i++) {
		struct poison_parked *at = &s->parked[i];

		at->channel[SHMCHAN_NAME_MAX - 1] = 0;
		at->service[SHMCHAN_NAME_MAX - 1] = 0;
		if (at->letter && chan_of(plan, at->channel) == plan->spec.chan_cnt)
			s->cnt = 0; // none of this is to be believed
	}
}

struct poison *poison_open(struct group *g)
{
	struct poison *p = calloc(1, sizeof(*p));
	struct shmchan_view_dead d;
	uint32_t kept;

	if (!p)
		return NULL;
	p->group = g;
	if (g->is_taken) {
		keep_get_poison(g->keep, &p->s);
		tame(&p->s, g->plan);
		p->adopting = true;
		return p;
	}
	p->s.letters = shmchan_view_dead_cnt(look_view(g->look), &kept);
	for (uint64_t no = p->s.letters - kept + 1; no <= p->s.letters; no++)
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
	bool any = false;
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
			any = true;
		}
	}
	if (any)
		keep(p); // what is in flight is known only until the repair
}

// The oldest letter of a channel at this death: the message that was worked on.
static bool proven(struct poison *p, const struct service *s, unsigned chan, const struct shmchan_view_dead *d)
{
	struct poison_suspect *at;

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
	const struct poison_suspect *at = find(p, chan, key);
	struct poison_parked *parked = park(p, d);

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
	uint64_t cnt, left, letter;
	uint32_t kept;

	for (unsigned n = 0; n < DRAIN_MAX; n++) {
		if (shmchan_view_msg(v, chan, 0, &m, data, sizeof(data)) || m.in_flight || m.block != SHMCHAN_NO_BLOCK ||
		    look_of(m.type, m.len, data, m.bytes) != key ||
		    shmchan_broker_drain(p->group->broker, name, 1, false, &cnt, &left, NULL) || cnt != 1)
			return;
		letter = shmchan_view_dead_cnt(v, &kept);
		if (shmchan_view_dead(v, letter, &d) == 0)
			park_proven(p, &d, chan, key);
	}
}

static void judge(struct poison *p, const struct service *s, const struct shmchan_view_dead *d, bool first, bool own)
{
	unsigned chan = chan_of(p->group->plan, d->channel);
	const struct poison_suspect *at;
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
	uint64_t from = p->s.letters, to;
	char before[SHMCHAN_NAME_MAX] = "";
	uint32_t kept;

	to = shmchan_view_dead_cnt(v, &kept);
	if (to - from > kept)
		from = to - kept;
	for (uint64_t no = from + 1; no <= to; no++) {
		struct shmchan_view_dead d;

		if (shmchan_view_dead(v, no, &d) || d.slot != s->slot)
			continue;
		judge(p, s, &d, strcmp(before, d.channel) != 0, own);
		memcpy(before, d.channel, sizeof(before));
	}
	if (p->adopting || to == p->s.letters)
		return;
	p->s.letters = shmchan_view_dead_cnt(v, &kept); // with those that judge made
	keep(p);
}

void poison_adopted(struct poison *p)
{
	uint32_t kept;

	p->adopting = false;
	p->s.letters = shmchan_view_dead_cnt(look_view(p->group->look), &kept);
	keep(p);
}

static json_t *keys_of(const struct poison_parked *at)
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
	return p->s.cnt > POISON_KEPT ? p->s.cnt - POISON_KEPT + 1 : 1;
}

void poison_tell(struct poison *p)
{
	bool any = false;

	for (uint64_t n = oldest(p); n <= p->s.cnt; n++) {
		struct poison_parked *at = &p->s.parked[n % POISON_KEPT];

		if (at->told)
			continue;
		at->told = any = p->changed = true;
		events_put(p->group->events, "parked", keys_of(at));
		say(p->group->plan->spec.name,
		    "message %llu of channel '%s' (type %u, correlation %llu) killed %u incarnations of '%s'; it is parked as "
		    "dead letter %llu",
		    (unsigned long long)at->pos, at->channel, at->type, (unsigned long long)at->corr,
		    at->who.cnt, at->service, (unsigned long long)at->letter);
	}
	if (any)
		keep(p);
}

json_t *poison_list(const struct poison *p)
{
	json_t *list = json_array();

	for (uint64_t n = oldest(p); n <= p->s.cnt; n++)
		json_array_append_new(list, keys_of(&p->s.parked[n % POISON_KEPT]));
	return list;
}

uint64_t poison_cnt(const struct poison *p)
{
	return p->s.cnt;
}
