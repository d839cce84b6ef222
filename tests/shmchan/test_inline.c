#include "shmchan/inline.h"

#include "shmchan/probe.h"
#include "tests/shmchan/model.h"
#include "tests/shmchan/sleepers.h"

#define CAP 5

static const unsigned one[] = {1}, two[] = {2};

struct pair {
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx, *rx;
};

static void pair_create(struct pair *p, enum shmchan_kind kind, uint32_t cap, uint32_t msg_size)
{
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = cap,
					 .msg_size = msg_size,
					 .producers = one,
					 .producer_cnt = 1,
					 .consumers = two,
					 .consumer_cnt = 1};

	harness_create(&p->h, 2, &spec, 1, NULL, 0);
	p->a = harness_attach(&p->h, 1);
	p->b = harness_attach(&p->h, 2);
	p->tx = harness_open(p->a, "c", SHMCHAN_TX);
	p->rx = harness_open(p->b, "c", SHMCHAN_RX);
}

static void pair_end(struct pair *p)
{
	shmchan_detach(p->a);
	shmchan_detach(p->b);
	harness_end(&p->h);
}

// Sends and receives cnt messages, one at a time: from the second round on plain ones go their short way.
static void pass(struct pair *p, unsigned cnt)
{
	struct shmchan_msg m = {0};

	for (uint64_t n = 0; n < cnt; n++) {
		cr_assert_eq(shmchan_inline_try_send(p->tx, 7, &n, sizeof(n)), 0);
		cr_assert_eq(shmchan_inline_take(p->rx, &m), 0);
		cr_assert_eq(m.len, sizeof(n));
		cr_assert(memcmp(m.data, &n, sizeof(n)) == 0);
		cr_assert_eq(shmchan_inline_done(p->rx), 0);
	}
}

// Random calls of both kinds, mixed, beside a model.
Test(inline_path, model, .timeout = 300)
{
	static const uint32_t caps[] = {1, 2, 3, 5, 1000}, sizes[] = {0, 8, 200};

	for (unsigned c = 0; c < 5; c++)
		for (unsigned s = 0; s < 3; s++)
			model_run_with(SHMCHAN_KIND_SPSC, caps[c], sizes[s], 0, 40000, true);
	model_run_with(SHMCHAN_KIND_SPSC, 2, 2 * SHMCHAN_HOT_COPY_MAX, 0, 20000, true);
	model_run_with(SHMCHAN_KIND_SPSC, 1000, 8, ((uint64_t)1 << 32) - 300, 40000, true);
}

// What has no short way goes by the call.
Test(inline_path, model_of_other_kinds, .timeout = 300)
{
	static const enum shmchan_kind kinds[] = {SHMCHAN_KIND_SLOT, SHMCHAN_KIND_MPSC, SHMCHAN_KIND_MPSC_LIST};

	for (unsigned k = 0; k < 3; k++)
		model_run_with(kinds[k], kinds[k] == SHMCHAN_KIND_SLOT ? 1 : 3, 40, 0, 40000, true);
}

Test(inline_path, refusals)
{
	static const enum shmchan_kind kinds[] = {SHMCHAN_KIND_SPSC, SHMCHAN_KIND_MPSC, SHMCHAN_KIND_MPMC2};

	for (unsigned k = 0; k < 3; k++)
		for (unsigned before = 0; before <= 3 * CAP; before += 3 * CAP) {
			char data[24] = {0};
			struct shmchan_msg m;
			struct pair p;
			void *room;

			pair_create(&p, kinds[k], CAP, 16);
			pass(&p, before);
			cr_assert_eq(shmchan_inline_take(p.rx, &m), SHMCHAN_EMPTY);
			cr_assert_eq(shmchan_inline_done(p.rx), SHMCHAN_ENOENT);
			cr_assert_eq(shmchan_inline_try_send(p.tx, 1, data, 17), SHMCHAN_EINVAL, "too long");
			cr_assert_eq(shmchan_inline_try_send(p.tx, SHMCHAN_TYPE_MAX + 1, data, 8), SHMCHAN_EINVAL, "no such type");
			cr_assert_eq(shmchan_inline_commit(p.tx, 1, 8), SHMCHAN_EINVAL, "nothing is reserved");
			cr_assert_eq(shmchan_inline_reserve(p.tx, &room), 0);
			cr_assert_eq(shmchan_inline_try_send(p.tx, 1, data, 8), SHMCHAN_EINVAL, "a cell is reserved");
			cr_assert_eq(shmchan_inline_commit(p.tx, 1, 17), SHMCHAN_EINVAL);
			cr_assert_eq(shmchan_inline_commit(p.tx, SHMCHAN_TYPE_MAX + 1, 8), SHMCHAN_EINVAL);
			cr_assert_eq(shmchan_inline_reserve(p.tx, &room), SHMCHAN_EINVAL, "one is held");
			cr_assert_null(room);
			cr_assert_eq(shmchan_inline_commit(p.tx, 1, 0), 0, "it is held all the same");
			for (unsigned i = 1; i < CAP; i++)
				cr_assert_eq(shmchan_inline_try_send(p.tx, 1, data, 8), 0);
			cr_assert_eq(shmchan_inline_try_send(p.tx, 1, data, 8), SHMCHAN_FULL);
			cr_assert_eq(shmchan_inline_reserve(p.tx, &room), SHMCHAN_FULL);
			cr_assert_null(room);
			pair_end(&p);
		}
}

Test(inline_path, the_other_end)
{
	struct shmchan_msg m;
	struct pair p;
	void *room;

	pair_create(&p, SHMCHAN_KIND_SPSC, CAP, 8);
	pass(&p, 3 * CAP);
	cr_assert_eq(shmchan_inline_try_send(p.rx, 1, "12345678", 8), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_inline_reserve(p.rx, &room), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_inline_commit(p.rx, 1, 0), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_inline_take(p.tx, &m), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_inline_done(p.tx), SHMCHAN_EINVAL);
	pair_end(&p);
}

// A word that somebody else has written over is refused as by the call.
Test(inline_path, a_length_out_of_bounds)
{
	struct shmchan_msg m;
	uint64_t word;
	struct pair p;

	pair_create(&p, SHMCHAN_KIND_SPSC, CAP, 16);
	pass(&p, 2 * CAP + 1);
	cr_assert_eq(shmchan_inline_try_send(p.tx, 1, "12345678", 8), 0);
	word = atomic_load(&p.rx->hot.at->word);
	atomic_store(&p.rx->hot.at->word, word | (uint64_t)0x1fffff << 16);
	cr_assert_eq(shmchan_inline_take(p.rx, &m), 0);
	cr_assert_eq(m.status, SHMCHAN_ECORRUPT);
	cr_assert_eq(m.len, 0);
	cr_assert_eq(shmchan_inline_done(p.rx), 0);
	pass(&p, 2 * CAP);
	pair_end(&p);
}

#if SHMCHAN_PROBES_BUILT
// Somebody attaches in the middle of a run: it ends there, and the next knows of it. The words are the kernel's to raise; nothing
// is patched in, so what fires does nothing.
Test(inline_path, probes_end_a_run)
{
	struct shmchan_msg m;
	struct pair p;

	pair_create(&p, SHMCHAN_KIND_SPSC, 1000, 8);
	pass(&p, 1100);
	cr_assert(!p.tx->hot.run_watched && !p.rx->hot.take_watched);
	shmchan_push_semaphore++;
	shmchan_pop_semaphore++;
	shmchan_done_semaphore++;
	cr_assert_eq(shmchan_inline_try_send(p.tx, 1, "12345678", 8), 0);
	cr_assert(p.tx->hot.run_watched);
	cr_assert_eq(shmchan_inline_take(p.rx, &m), 0);
	cr_assert_eq(shmchan_inline_done(p.rx), 0);
	pass(&p, 300);
	cr_assert(p.rx->hot.take_watched);
	shmchan_push_semaphore--;
	shmchan_pop_semaphore--;
	shmchan_done_semaphore--;
	pass(&p, 300);
	pair_end(&p);
}
#endif

static int send_on(struct shmchan *tx, uint64_t n)
{
	int err = shmchan_inline_try_send(tx, 1, &n, sizeof(n));

	if (err != SHMCHAN_FULL)
		return err;
	return shmchan_send(tx, &(struct shmchan_msg){.type = 1, .data = &n, .len = sizeof(n)}, SHMCHAN_FOREVER);
}

static int receive(struct shmchan *rx, uint64_t n)
{
	struct shmchan_msg m;
	int err = shmchan_inline_take(rx, &m);

	if (err == SHMCHAN_EMPTY)
		err = shmchan_recv(rx, &m, SHMCHAN_FOREVER);
	if (err || m.type != 1 || m.len != sizeof(n) || memcmp(m.data, &n, sizeof(n)) != 0)
		return 1;
	return shmchan_inline_done(rx);
}

static struct sleepers inlined = {
	.send = send_on, .receive = receive, .to = SHMCHAN_KIND_SPSC, .from = SHMCHAN_KIND_SPSC, .cap = 2, .rounds = 20000};

// Woken from inlined calls.
Test(inline_path, no_wake_up_is_lost_with_membarrier, .timeout = 300)
{
	if (shmchan_bell_fence_best() == SHMCHAN_FENCE_MEMBARRIER)
		sleepers_run(&inlined, SHMCHAN_FENCE_MEMBARRIER);
}

Test(inline_path, no_wake_up_is_lost_with_fences, .timeout = 300)
{
	sleepers_run(&inlined, SHMCHAN_FENCE_PLAIN);
}
