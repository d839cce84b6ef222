// Specifications that can't be, each with one mistake; none is read past its end.
#include "shmchan/spec.h"

#include <criterion/criterion.h>
#include <string.h>

struct made {
	struct shmchan_group_spec spec;
	struct shmchan_chan_spec chans[2];
	struct shmchan_pool_spec pool;
};

static const unsigned both[] = {1, 2}, one[] = {1}, two[] = {2}, twice[] = {2, 1, 2};
static const char *const services[] = {"s1", "s2"}, *const counters[] = {"n", "m"};

static struct made good(void)
{
	return (struct made){
		.spec = {.name = "g", .services = services, .service_cnt = 2, .chan_cnt = 2, .pool_cnt = 1},
		.chans = {{.name = "c",
			   .kind = SHMCHAN_KIND_MPMC2,
			   .capacity = 4,
			   .msg_size = 8,
			   .producers = both,
			   .producer_cnt = 2,
			   .consumers = both,
			   .consumer_cnt = 2,
			   .tally = counters,
			   .tally_cnt = 2},
			  {.name = "r",
			   .kind = SHMCHAN_KIND_SLOT_REF,
			   .capacity = 1,
			   .producers = one,
			   .producer_cnt = 1,
			   .consumers = two,
			   .consumer_cnt = 1}},
		.pool = {.name = "p", .block_size = 64, .block_cnt = 2, .users = both, .user_cnt = 2}};
}

static int check(struct made *m, struct shmchan_why *why)
{
	if (m->spec.chan_cnt == 2)
		m->spec.chans = m->chans;
	if (m->spec.pool_cnt == 1)
		m->spec.pools = &m->pool;
	return shmchan_spec_check(&m->spec, why);
}

#define REFUSED(where, says, ...)                                                    \
	do {                                                                         \
		struct made m = good();                                              \
		struct shmchan_why why = {0};                                        \
		__VA_ARGS__;                                                         \
		cr_assert_eq(check(&m, &why), SHMCHAN_EINVAL, #__VA_ARGS__);         \
		cr_assert_str_eq(why.object, where);                                 \
		cr_assert_neq(strstr(why.text, says), NULL, "says %s", why.text);    \
		cr_assert_eq(shmchan_spec_check(&m.spec, NULL), SHMCHAN_EINVAL);     \
	} while (0)

Test(spec, lists_that_are_not_there)
{
	struct made fine = good();

	cr_assert_eq(check(&fine, NULL), 0);
	REFUSED("g", "NULL", m.spec.services = NULL);
	REFUSED("g", "NULL", m.spec.chan_cnt = 1);
	REFUSED("g", "NULL", m.spec.pool_cnt = 2);
	REFUSED("c", "producers", m.chans[0].producers = NULL);
	REFUSED("c", "consumers", m.chans[0].consumers = NULL);
	REFUSED("c", "counters", m.chans[0].tally = NULL);
	REFUSED("p", "users", m.pool.users = NULL);
	REFUSED("p", "classes", m.pool.class_cnt = 1);
	REFUSED("", "service", m.spec.services = (const char *const[]){"s1", NULL});
	REFUSED("c", "counter 1", m.chans[0].tally = (const char *const[]){"n", NULL});
}

Test(spec, counts_that_wrap_round)
{
	REFUSED("g", "channels", m.spec.chan_cnt = UINT32_MAX);
	REFUSED("g", "channels", m.spec.chan_cnt = UINT32_MAX - 1);
	REFUSED("g", "pools", m.spec.pool_cnt = UINT32_MAX);
	REFUSED("g", "services", m.spec.service_cnt = UINT32_MAX);
	REFUSED("c", "counters", m.chans[0].tally_cnt = UINT32_MAX);
	REFUSED("p", "sizes", m.pool.class_cnt = UINT32_MAX, m.pool.classes = &(struct shmchan_pool_class){1, 1});
}

Test(spec, what_is_there_twice)
{
	REFUSED("s1", "two services", m.spec.services = (const char *const[]){"s1", "s1"});
	REFUSED(SHMCHAN_BROKER_NAME, "name", m.spec.services = (const char *const[]){"s1", SHMCHAN_BROKER_NAME});
	REFUSED("c", "slot 2 is twice", m.chans[0].producers = twice, m.chans[0].producer_cnt = 3);
	REFUSED("c", "slot 2 is twice", m.chans[0].consumers = twice, m.chans[0].consumer_cnt = 3);
	REFUSED("p", "slot 2 is twice", m.pool.users = twice, m.pool.user_cnt = 3);
	REFUSED("c", "two counters n", m.chans[0].tally = (const char *const[]){"n", "n"});
	REFUSED("r", "two objects", m.chans[0].name = "r");
	REFUSED("p", "two objects", m.chans[1].name = "p");
}

Test(spec, channels_that_could_carry_nothing)
{
	REFUSED("r", "no pool", m.pool.users = one, m.pool.user_cnt = 1);
	REFUSED("r", "no pool", m.pool.users = two, m.pool.user_cnt = 1);
	REFUSED("r", "no pool", m.spec.pool_cnt = 0);
	REFUSED("r", "mpsc-intrusive", m.chans[1].kind = SHMCHAN_KIND_MPSC_INTRUSIVE, m.pool.user_cnt = 0);
}

Test(spec, says_which_value_it_is)
{
	REFUSED("c", "0 messages", m.chans[0].capacity = 0);
	REFUSED("r", "kind 99", m.chans[1].kind = (enum shmchan_kind)99);
	REFUSED("c", "1048577 bytes", m.chans[0].msg_size = SHMCHAN_MSG_MAX + 1);
	REFUSED("g", "4294967295 bytes", m.spec.dead_bytes = UINT32_MAX);
}
