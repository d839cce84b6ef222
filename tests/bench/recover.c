// Usage: recover [-o FILE] [-n SAMPLES]
// The time that recovery takes after a death, without the death and without the replacement: a group of 32 channels of
// 64 messages, 8 bytes each, where the dead had one end of all.
//	recover_32       shmchan-busy: it sent to 16 and had a message of each of the other 16 in its hands
//	                 shmchan-rest: the same with nothing in flight
//	recover_32_KIND  busy, with 32 channels of that kind
// Exit status: 0; 1 something failed, said on stderr; 2 usage.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "tests/bench/table.h"

#define CHANS 32
#define CAPACITY 64
#define PEER 1u // process slots
#define DEAD 2u

struct job {
	struct shmchan_broker *b;
	struct shmchan_proc *peer;
	struct shmchan *in[CHANS], *out[CHANS]; // as the peer sees them: from the dead, to it
	char group[SHMCHAN_NAME_MAX];
	char names[CHANS][16];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool failed(const char *what, int err, const struct shmchan_why *why)
{
	fprintf(stderr, "recover: can't %s: %s%s%s; giving up\n", what, shmchan_strerror(err), why ? " " : "",
		why ? why->text : "");
	return false;
}

static bool to_dead(unsigned i)
{
	return i % 2 == 0;
}

static const struct {
	const char *name;
	enum shmchan_kind kind;
} kinds[] = {{"spsc", SHMCHAN_KIND_SPSC},
	     {"mpsc", SHMCHAN_KIND_MPSC},
	     {"mpsc-list", SHMCHAN_KIND_MPSC_LIST},
	     {"mpmc2", SHMCHAN_KIND_MPMC2}};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))
#define MIXED KINDS

static bool create(struct job *j, unsigned kind)
{
	static const unsigned peer = PEER, dead = DEAD;
	static const char *const services[] = {"peer", "dead"};
	struct shmchan_chan_spec chans[CHANS] = {0};
	const struct shmchan_group_spec spec = {
		.name = j->group, .services = services, .service_cnt = 2, .chans = chans, .chan_cnt = CHANS};
	struct shmchan_why why = {0};
	unsigned inc;
	int err;

	snprintf(j->group, sizeof(j->group), "recover-%d", (int)getpid());
	for (unsigned i = 0; i < CHANS; i++) {
		snprintf(j->names[i], sizeof(j->names[i]), "line-%u", i);
		chans[i] = (struct shmchan_chan_spec){
			.name = j->names[i],
			.kind = kinds[kind == MIXED ? i / 2 % 2 : kind].kind, // spsc and mpsc, both ways
			.capacity = CAPACITY,
			.msg_size = 8,
			.producers = to_dead(i) ? &peer : &dead,
			.producer_cnt = 1,
			.consumers = to_dead(i) ? &dead : &peer,
			.consumer_cnt = 1,
		};
	}
	err = shmchan_broker_create(&j->b, &spec, &why);
	if (!err)
		err = shmchan_broker_announce(j->b, PEER, &inc);
	if (!err)
		err = shmchan_attach(&j->peer, j->group, PEER, inc, &why);
	for (unsigned i = 0; i < CHANS && !err; i++)
		err = shmchan_open(j->peer, j->names[i], to_dead(i) ? SHMCHAN_TX : SHMCHAN_RX,
				   to_dead(i) ? &j->out[i] : &j->in[i], &why);
	return !err || failed("make the group", err, &why);
}

// The one that dies: takes a message from each channel and sends one to each other.
static _Noreturn void live(struct job *j, unsigned inc, bool busy)
{
	struct shmchan_proc *me;
	struct shmchan_msg m;

	shmchan_broker_leave(j->b);
	if (shmchan_attach(&me, j->group, DEAD, inc, NULL))
		_exit(1);
	for (unsigned i = 0; i < CHANS; i++) {
		struct shmchan *ch;

		if (shmchan_open(me, j->names[i], to_dead(i) ? SHMCHAN_RX : SHMCHAN_TX, &ch, NULL))
			_exit(1);
		if (busy && to_dead(i) && shmchan_recv(ch, &m, SHMCHAN_FOREVER))
			_exit(1);
		if (busy && !to_dead(i) &&
		    shmchan_send(ch, &(struct shmchan_msg){.data = "message", .len = 8}, SHMCHAN_FOREVER))
			_exit(1);
	}
	kill(getpid(), SIGKILL);
	_exit(1);
}

// Queues are left as a dead service leaves them: with more to take.
static void fill(struct job *j)
{
	for (unsigned i = 0; i < CHANS; i++) {
		struct shmchan_msg m = {.data = "message", .len = 8, .corr = i};

		while (j->out[i] && shmchan_try_send(j->out[i], &m) == 0)
			;
		while (j->in[i] && shmchan_recv(j->in[i], &m, 0) == 0)
			shmchan_done(j->in[i]);
	}
}

static bool sample(struct job *j, struct table *t, const char *bench, bool busy)
{
	struct shmchan_death death = {.code = CLD_KILLED, .status = SIGKILL};
	struct shmchan_repair repair;
	unsigned inc;
	uint64_t begin;
	int err = shmchan_broker_announce(j->b, DEAD, &inc), status;

	if (err)
		return failed("announce the next", err, NULL);
	fill(j);
	fflush(NULL);
	death.pid = fork();
	if (death.pid == 0)
		live(j, inc, busy);
	if (death.pid < 0 || waitpid(death.pid, &status, 0) != death.pid || !WIFSIGNALED(status)) {
		fprintf(stderr, "recover: the process that is to die has not; giving up\n");
		return false;
	}
	begin = now_ns();
	err = shmchan_broker_recover(j->b, DEAD, &death, &repair);
	if (err)
		return failed("recover", err, NULL);
	table_add(t, bench, busy ? "shmchan-busy" : "shmchan-rest", "any", "us", false,
		  (double)(now_ns() - begin) / 1e3);
	if (repair.dead_letters == (busy ? CHANS / 2 : 0))
		return true;
	fprintf(stderr, "recover: %llu messages were in flight, not %u; giving up\n",
		(unsigned long long)repair.dead_letters, busy ? CHANS / 2 : 0);
	return false;
}

static bool measure(struct table *t, unsigned kind, const char *bench, unsigned samples)
{
	struct job j = {.b = NULL};
	bool ok = create(&j, kind);

	for (unsigned i = 0; i < samples && ok; i++)
		ok = sample(&j, t, bench, true) && sample(&j, t, bench, false);
	if (j.peer)
		shmchan_detach(j.peer);
	shmchan_broker_destroy(j.b);
	table_print(t, bench, NULL);
	return ok;
}

int main(int argc, char **argv)
{
	struct table *t = table_new();
	unsigned samples = 60;
	const char *out = NULL;
	bool ok = t;

	if (!table_args(argc, argv, "recover", &samples, &out))
		return 2;
	ok = ok && measure(t, MIXED, "recover_32", samples);
	for (unsigned i = 0; i < KINDS && ok; i++) {
		char bench[40];

		snprintf(bench, sizeof(bench), "recover_32_%s", kinds[i].name);
		ok = measure(t, i, bench, samples);
	}
	return table_end(t, ok, "recover", out);
}
