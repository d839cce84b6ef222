// The pools of a plan.
#include <string.h>
#include "supervisor/plan.h"
#include "supervisor/topology_form.h"

#define AT(section, item, key, sub) ((struct topo_place){section, item, key, sub})

// Sizes grow and counts add up to what a pool can have; each by itself was in the reader's hands.
static int make_classes(struct planner *p, unsigned item, struct shmchan_pool_spec *out)
{
	const struct topo_pool *t = &p->data->pools[item];
	struct shmchan_pool_class *classes = arena_alloc(&p->plan->arena, t->classes_cnt, sizeof(*classes));
	uint64_t size, last = 0, cnt, blocks = 0;

	for (unsigned i = 0; i < t->classes_cnt; last = size, i++) {
		struct topo_place at = AT("pools", item, "classes", i);

		topo_class(t->classes[i], &size, &cnt); // the reader has checked its form
		if (size < 1 || size > UINT64_C(1) << 40)
			return topo_bad(p->topo, at, p->fail, "the size of a block must be in 1 to 2^40, this is %llu",
					(unsigned long long)size);
		if (size <= last)
			return topo_bad(p->topo, at, p->fail, "the sizes of 'classes' must grow, %llu follows %llu",
					(unsigned long long)size, (unsigned long long)last);
		if (cnt < 1 || cnt >= (1u << 24) - blocks)
			return topo_bad(p->topo, at, p->fail,
					"a pool has 1 to %u blocks in all its classes, with this there are %llu",
					(1u << 24) - 1, (unsigned long long)(blocks + cnt));
		blocks += cnt;
		classes[i] = (struct shmchan_pool_class){size, (uint32_t)cnt};
	}
	out->classes = classes;
	out->class_cnt = t->classes_cnt;
	return 0;
}

static int make_blocks(struct planner *p, unsigned item, struct shmchan_pool_spec *out)
{
	const struct topo_pool *t = &p->data->pools[item];
	struct topo_place at = AT("pools", item, "classes", TOPO_NONE);

	if (t->classes_cnt && (t->block_size || t->block_count))
		return topo_bad(p->topo, at, p->fail, "'classes' stands instead of 'block_size' and 'block_count'");
	if (t->classes_cnt)
		return make_classes(p, item, out);
	at.key = "name";
	if (!t->block_size || !t->block_count)
		return topo_bad(p->topo, at, p->fail, "pool '%s' needs '%s', or 'classes'", t->name,
				t->block_size ? "block_count" : "block_size");
	return 0;
}

static int make_pool(struct planner *p, unsigned item, struct shmchan_pool_spec *out)
{
	const struct topo_pool *t = &p->data->pools[item];
	struct topo_place at = AT("pools", item, "name", TOPO_NONE);

	*out = (struct shmchan_pool_spec){.name = arena_strndup(&p->plan->arena, t->name, strlen(t->name)),
					  .block_size = t->block_size ? *t->block_size : 0,
					  .block_cnt = t->block_count ? *t->block_count : 0};
	if (plan_check_name(p, at, "pool", t->name) || make_blocks(p, item, out))
		return -1;
	for (unsigned i = 0; i < p->plan->spec.chan_cnt; i++)
		if (strcmp(p->plan->spec.chans[i].name, t->name) == 0)
			return topo_bad(p->topo, at, p->fail, "pool '%s' has the name of a channel", t->name);
	at.key = "users";
	return plan_resolve(p, at, t->users, t->users_cnt, 0, 1, &out->users, &out->user_cnt);
}

static bool is_among(const unsigned *slots, unsigned cnt, unsigned slot)
{
	while (cnt && slots[cnt - 1] != slot)
		cnt--;
	return cnt != 0;
}

// From a producer to the consumer.
static bool has_way(const struct shmchan_group_spec *s, const struct shmchan_chan_spec *c, unsigned producer)
{
	for (unsigned i = 0; i < s->pool_cnt; i++)
		if (is_among(s->pools[i].users, s->pools[i].user_cnt, producer) &&
		    is_among(s->pools[i].users, s->pools[i].user_cnt, c->consumers[0]))
			return true;
	return false;
}

// Where each message is a block, there is a pool for it, and each producer can send one.
static int check_ways(struct planner *p)
{
	const struct shmchan_group_spec *s = &p->plan->spec;

	for (unsigned i = 0; i < s->chan_cnt; i++) {
		const struct shmchan_chan_spec *c = &s->chans[i];
		unsigned without = 0, last = 0;

		if (c->kind != SHMCHAN_KIND_SLOT_REF && c->kind != SHMCHAN_KIND_MPSC_INTRUSIVE)
			continue;
		for (unsigned k = 0; k < c->producer_cnt; k++)
			if (!has_way(s, c, c->producers[k])) {
				without++;
				last = c->producers[k];
			}
		if (without == c->producer_cnt)
			return topo_bad(p->topo, AT("channels", p->plan->channels[i].source, "kind", TOPO_NONE), p->fail,
					"every message of channel '%s', which is %s, has a block, but no pool has both its "
					"consumer and a producer among its users",
					c->name, shmchan_kind_name(c->kind));
		if (without)
			return topo_bad(p->topo, AT("channels", p->plan->channels[i].source, "producers", TOPO_NONE), p->fail,
					"every message of channel '%s', which is %s, has a block, but no pool has both its "
					"consumer '%s' and its producer '%s' among its users",
					c->name, shmchan_kind_name(c->kind), p->plan->services[c->consumers[0] - 1].name,
					p->plan->services[last - 1].name);
	}
	return 0;
}

int plan_pools_make(struct planner *p)
{
	struct shmchan_pool_spec *pools =
		arena_alloc(&p->plan->arena, p->data->pools_cnt + 1, sizeof(*pools));

	if (p->data->pools_cnt > 128)
		return topo_bad(p->topo, AT("pools", 128, NULL, TOPO_NONE), p->fail, "more than 128 pools");
	for (unsigned i = 0; i < p->data->pools_cnt; i++) {
		if (make_pool(p, i, &pools[i]))
			return -1;
		for (unsigned j = 0; j < i; j++)
			if (strcmp(pools[j].name, pools[i].name) == 0)
				return topo_bad(p->topo, AT("pools", i, "name", TOPO_NONE), p->fail,
						"pool '%s' is declared twice", pools[i].name);
	}
	p->plan->spec.pools = pools;
	p->plan->spec.pool_cnt = p->data->pools_cnt;
	return check_ways(p);
}
