#include "tests/shmchan/harness.h"

#include <liburing.h>
#include <sys/socket.h>
#include "shmchan/proc.h"

enum { CHANS = 4, CAP = 8 };
#define MS 1000000u

static const unsigned one[] = {1}, two[] = {2};
static const char *const names[CHANS] = {"a", "b", "c", "d"};

struct scene {
	struct harness h;
	struct shmchan_proc *a, *b;
	struct shmchan *tx[CHANS];
	struct shmchan_sel sel[CHANS];
};

static void create(struct scene *s)
{
	struct shmchan_chan_spec spec[CHANS];

	for (unsigned i = 0; i < CHANS; i++)
		spec[i] = (struct shmchan_chan_spec){.name = names[i],
						     .kind = i % 2 ? SHMCHAN_KIND_MPSC : SHMCHAN_KIND_SPSC,
						     .capacity = CAP,
						     .msg_size = 8,
						     .producers = one,
						     .producer_cnt = 1,
						     .consumers = two,
						     .consumer_cnt = 1};
	harness_create(&s->h, 2, spec, CHANS, NULL, 0);
}

static void begin(struct scene *s)
{
	create(s);
	s->a = harness_attach(&s->h, 1);
	s->b = harness_attach(&s->h, 2);
	for (unsigned i = 0; i < CHANS; i++) {
		s->tx[i] = harness_open(s->a, names[i], SHMCHAN_TX);
		s->sel[i].ch = harness_open(s->b, names[i], SHMCHAN_RX);
	}
}

static void end(struct scene *s)
{
	harness_check(&s->h);
	shmchan_detach(s->a);
	shmchan_detach(s->b);
	harness_end(&s->h);
}

static void fill(struct scene *s, unsigned i)
{
	while (shmchan_try_send(s->tx[i], &(struct shmchan_msg){.corr = i}) == 0)
		;
}

static int next(struct scene *s, unsigned n)
{
	struct shmchan_msg m;
	int i = shmchan_recv_any(s->b, s->sel, n, &m, 0);

	if (i >= 0) {
		cr_assert_eq(m.corr, (unsigned)i);
		cr_assert_eq(shmchan_done(s->sel[i].ch), 0);
	}
	return i;
}

Test(select, equals_take_turns)
{
	struct scene s = {0};

	begin(&s);
	cr_assert_eq(next(&s, CHANS), SHMCHAN_TIMEOUT);
	for (unsigned i = 0; i < CHANS; i++)
		fill(&s, i);
	for (unsigned k = 0; k < CHANS * CAP; k++)
		cr_assert_eq(next(&s, CHANS), k % CHANS);
	cr_assert_eq(next(&s, CHANS), SHMCHAN_TIMEOUT);
	// One that had nothing for long gets no more than its share when it has something again.
	fill(&s, 1);
	for (unsigned k = 0; k < CAP; k++)
		cr_assert_eq(next(&s, CHANS), 1);
	fill(&s, 1);
	fill(&s, 2);
	for (unsigned k = 0; k < 2 * CAP; k++)
		cr_assert_eq(next(&s, CHANS), k % 2 ? 1 : 2);
	end(&s);
}

Test(select, the_urgent_come_first)
{
	static const int order[] = {3, 1, 2, 0};
	struct scene s = {0};

	begin(&s);
	s.sel[0].priority = -1;
	s.sel[3].priority = 7;
	s.sel[1].priority = 2;
	for (unsigned i = 0; i < CHANS; i++)
		fill(&s, i);
	for (unsigned k = 0; k < CHANS * CAP; k++)
		cr_assert_eq(next(&s, CHANS), order[k / CAP]);
	// It is looked at each time: what becomes urgent waits for one message at most.
	fill(&s, 0);
	cr_assert_eq(next(&s, CHANS), 0);
	fill(&s, 3);
	cr_assert_eq(next(&s, CHANS), 3);
	end(&s);
}

Test(select, wrong_arguments)
{
	struct shmchan_doorbell bell;
	struct shmchan_msg m;
	struct scene s = {0};

	begin(&s);
	cr_assert_eq(shmchan_recv_any(s.b, s.sel, 0, &m, 0), SHMCHAN_EINVAL);
	cr_assert_eq(shmchan_select(s.b, s.sel, 0, 0), SHMCHAN_EINVAL);
	s.sel[3].ch = s.tx[0];
	cr_assert_eq(shmchan_recv_any(s.b, s.sel, CHANS, &m, 0), SHMCHAN_EINVAL);
	s.sel[3].ch = s.sel[2].ch;
	cr_assert_eq(shmchan_recv_any(s.b, s.sel, CHANS, &m, MS), SHMCHAN_TIMEOUT);
	fill(&s, 2);
	cr_assert_eq(shmchan_doorbell_arm(s.b, s.sel, CHANS, &bell), 2, "both handles of one channel");
	cr_assert_eq(atomic_load(&s.b->self->bell) & SHMCHAN_BELL_ASLEEP, 0, "nothing is armed if something is ready");
	end(&s);
}

// ---------------------------------------------------------------------------------------------- doorbell

enum { BELL = 1, SOCKET = 2, ROUNDS = 20000 };

struct talker {
	struct scene *s;
	int fd;
};

// Sends on the channels and through the socket in turn, and waits for nothing but room.
static int talk(void *ctx)
{
	struct talker *t = ctx;
	struct shmchan *tx[CHANS];

	t->s->a = harness_attach(&t->s->h, 1);
	for (unsigned i = 0; i < CHANS; i++)
		tx[i] = harness_open(t->s->a, names[i], SHMCHAN_TX);
	for (uint64_t k = 0; k < ROUNDS; k++) {
		if (k % 5 == 4) {
			if (write(t->fd, &k, sizeof(k)) != sizeof(k))
				return 1;
		} else if (shmchan_send(tx[k % CHANS], &(struct shmchan_msg){.corr = k}, SHMCHAN_FOREVER)) {
			return 1;
		}
		if (k % 64 == 0)
			usleep(50); // lets the other side fall asleep, so that rings are many
	}
	return 0;
}

struct listener {
	struct io_uring ring;
	struct shmchan_doorbell bell;
	bool bell_armed, socket_armed;
	uint64_t buf, heard, rings;
	uint64_t by_channel[CHANS];
};

static void arm_socket(struct listener *l, int fd)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	io_uring_prep_read(sqe, fd, &l->buf, sizeof(l->buf), 0);
	io_uring_sqe_set_data64(sqe, SOCKET);
	l->socket_armed = true;
}

static void arm_bell(struct listener *l)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	shmchan_doorbell_sqe(&l->bell, sqe);
	io_uring_sqe_set_data64(sqe, BELL);
	l->bell_armed = true;
}

static void reap(struct listener *l)
{
	struct io_uring_cqe *cqe;

	while (io_uring_peek_cqe(&l->ring, &cqe) == 0) {
		if (cqe->user_data == BELL) {
			cr_assert(cqe->res == 0 || cqe->res == -EAGAIN, "%d", cqe->res);
			l->bell_armed = false;
			l->rings++;
		} else {
			cr_assert_eq(cqe->res, sizeof(l->buf));
			cr_assert_eq(l->buf % 5, 4);
			l->socket_armed = false;
			l->heard++;
		}
		io_uring_cqe_seen(&l->ring, cqe);
	}
}

static void listen_to(struct scene *s, struct listener *l, int fd)
{
	struct shmchan_msg m;
	int i;

	while (l->heard < ROUNDS) {
		int ready = shmchan_doorbell_arm(s->b, s->sel, CHANS, &l->bell);

		if (!l->socket_armed)
			arm_socket(l, fd);
		if (ready == 0 && !l->bell_armed)
			arm_bell(l);
		if (ready == 0)
			cr_assert_geq(io_uring_submit_and_wait(&l->ring, 1), 0);
		else
			io_uring_submit(&l->ring);
		shmchan_doorbell_disarm(s->b, &l->bell);
		reap(l);
		while ((i = shmchan_recv_any(s->b, s->sel, CHANS, &m, 0)) >= 0) {
			cr_assert_eq(m.corr % CHANS, (unsigned)i);
			cr_assert(l->by_channel[i] == 0 || m.corr > l->by_channel[i], "in order");
			l->by_channel[i] = m.corr;
			shmchan_done(s->sel[i].ch);
			l->heard++;
		}
	}
}

// One wait covers channels and a socket, and no ring is lost: the test ends.
Test(select, doorbell_in_io_uring, .timeout = 60)
{
	struct listener l = {0};
	struct scene s = {0};
	struct talker t = {.s = &s};
	int fd[2], status;
	pid_t pid;

	if (io_uring_queue_init(8, &l.ring, 0) != 0)
		cr_skip_test("no io_uring here");
	if (!shmchan_doorbell_uring(l.ring.ring_fd))
		cr_skip_test("io_uring without futex wait: Linux 6.7 has it");
	create(&s);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	t.fd = fd[1];
	s.b = harness_attach(&s.h, 2);
	for (unsigned i = 0; i < CHANS; i++)
		s.sel[i].ch = harness_open(s.b, names[i], SHMCHAN_RX);
	pid = harness_fork(talk, &t);
	listen_to(&s, &l, fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_gt(l.rings, 0);
	io_uring_queue_exit(&l.ring);
	shmchan_detach(s.b);
	harness_end(&s.h);
}

Test(select, a_kernel_without_the_request)
{
	cr_assert_not(shmchan_doorbell_uring(-1));
	cr_assert_not(shmchan_doorbell_uring(0));
}
