#include "tests/shmchan/harness.h"

#include "shmchan/dead.h"

_Static_assert(offsetof(struct shmchan_dead_entry, no) == 0 &&
		       offsetof(struct shmchan_dead_entry, answer) == 8 &&
		       offsetof(struct shmchan_dead_entry, gone) == 12 &&
		       offsetof(struct shmchan_dead_entry, pos) == 24 &&
		       offsetof(struct shmchan_dead_entry, chan) == 64 &&
		       offsetof(struct shmchan_dead_entry, parked) == 86 &&
		       offsetof(struct shmchan_dead_entry, replay_at) == 88 &&
		       offsetof(struct shmchan_dead_shm, cnt) == 128,
	       "letters of layout 1");

#define CAP 3
#define BYTES 10

static _Alignas(128) char mem[4096];

static struct shmchan_dead_ref begin(void)
{
	struct shmchan_dead_ref d;

	memset(mem, 0, sizeof(mem));
	shmchan_dead_new(mem, "g", 1, "dead", 1, CAP, BYTES);
	cr_assert_eq(shmchan_dead_join(&d, mem, sizeof(mem), NULL), 0);
	return d;
}

static unsigned damages(const struct shmchan_dead_ref *d)
{
	struct shmchan_reporter to = {0};

	shmchan_dead_check(d, &to);
	return to.cnt;
}

static uint64_t cnt(const struct shmchan_dead_ref *d)
{
	return atomic_load(&d->shm->cnt);
}

Test(dead, bounds)
{
	struct shmchan_dead_ref d = begin();
	struct shmchan_why why;

	cr_assert_eq(shmchan_dead_footprint(0, 1), 0);
	cr_assert_eq(shmchan_dead_footprint(SHMCHAN_DEAD_CNT_MAX + 1, 1), 0);
	cr_assert_eq(shmchan_dead_footprint(1, SHMCHAN_DEAD_BYTES_MAX + 1), 0);
	cr_assert_neq(shmchan_dead_footprint(1, 0), 0);
	cr_assert_eq(shmchan_dead_join(&d, mem, 100, &why), SHMCHAN_ETRUNC);
	cr_assert_eq(shmchan_dead_join(&d, mem, shmchan_dead_footprint(CAP, BYTES) - 1, &why),
		     SHMCHAN_ETRUNC);
	d.shm->cap = 0;
	cr_assert_eq(shmchan_dead_join(&d, mem, sizeof(mem), &why), SHMCHAN_ECORRUPT);
	d.shm->cap = 1000;
	cr_assert_eq(shmchan_dead_join(&d, mem, sizeof(mem), &why), SHMCHAN_ETRUNC);
	d.shm->cap = CAP;
	d.shm->obj.layout++;
	cr_assert_eq(shmchan_dead_join(&d, mem, sizeof(mem), &why), SHMCHAN_ELAYOUT);
}

Test(dead, the_oldest_give_way)
{
	struct shmchan_dead_ref d = begin();
	char data[20] = "0123456789abcdefghi";

	for (uint64_t n = 1; n <= 10; n++) {
		struct shmchan_dead_entry e = {.pos = n, .len = (uint32_t)(2 * n - 1), .chan = 1};
		struct shmchan_dead_entry *at = shmchan_dead_write(&d, &e, data);

		cr_assert_eq(atomic_load(&at->no), n);
		cr_assert_eq(at->bytes, 2 * n - 1 < BYTES ? 2 * n - 1 : BYTES);
		cr_assert_eq(at->len, 2 * n - 1);
		cr_assert_eq(memcmp(at->data, data, at->bytes), 0);
		cr_assert_eq(cnt(&d), n);
		cr_assert_eq(damages(&d), 0);
		cr_assert_eq(shmchan_dead_kept(&d, n), n < CAP ? n : CAP);
		for (uint64_t old = n < CAP ? 1 : n - CAP + 1; old <= n; old++)
			cr_assert_eq(shmchan_dead_entry(&d, old)->pos, old);
	}
}

Test(dead, a_letter_is_written_once)
{
	struct shmchan_dead_ref d = begin();
	struct shmchan_dead_entry e = {.pos = 4, .len = 1, .chan = 1, .receiver = 9}, *at;

	at = shmchan_dead_write(&d, &e, "x");
	cr_assert_eq(shmchan_dead_write(&d, &e, "x"), at, "the broker died before it could say done");
	cr_assert_eq(cnt(&d), 1);
	e.receiver++;
	cr_assert_neq(shmchan_dead_write(&d, &e, "x"), at);
	cr_assert_eq(cnt(&d), 2);
}

// The two halves of a write at which a broker can die, as seen by the next.
Test(dead, half_a_write)
{
	struct shmchan_dead_ref d = begin();
	struct shmchan_dead_entry e = {.pos = 4, .chan = 1};
	struct shmchan_dead_entry *at = shmchan_dead_write(&d, &e, "");

	atomic_store(&d.shm->cnt, 0);
	shmchan_dead_recover(&d);
	cr_assert_eq(cnt(&d), 1, "the letter was whole");
	atomic_store(&d.shm->cnt, 0);
	atomic_store(&at->no, 0);
	shmchan_dead_recover(&d);
	cr_assert_eq(cnt(&d), 0, "it was not");
	cr_assert_eq(shmchan_dead_write(&d, &e, ""), at);
	cr_assert_eq(cnt(&d), 1);
}

// The count is input: also where its successor is 0.
Test(dead, any_count, .timeout = 10)
{
	static const uint64_t cnts[] = {1, CAP, CAP + 1, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
	struct shmchan_dead_ref d = begin();

	for (unsigned i = 0; i < sizeof(cnts) / sizeof(cnts[0]); i++) {
		struct shmchan_dead_entry e = {.pos = 4, .len = 5, .chan = 2};

		atomic_store(&d.shm->cnt, cnts[i]);
		cr_assert_leq(damages(&d), CAP);
		shmchan_dead_recover(&d);
		shmchan_dead_write(&d, &e, "12345");
		damages(&d);
	}
	d = begin();
	atomic_store(&d.shm->cnt, 2);
	atomic_store(&shmchan_dead_entry(&d, 2)->no, 1);
	atomic_store(&shmchan_dead_entry(&d, 1)->no, 1);
	shmchan_dead_entry(&d, 1)->bytes = BYTES + 1;
	cr_assert_eq(damages(&d), 2, "a wrong number, and too long a letter");
}
