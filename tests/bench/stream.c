#include "tests/bench/stream.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"

enum { PRODUCER = 1, CONSUMER = 2 };

struct stream {
	struct shmchan_broker *broker;
	char group[SHMCHAN_NAME_MAX];
	pid_t pid[3];
	int to[3];  // orders to the process in that slot
	int result; // nanoseconds from the consumer
};

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double produce(struct shmchan *ch, uint64_t cnt)
{
	uint64_t line[8] = {0};
	struct shmchan_msg m = {.data = line, .len = sizeof line, .type = 1};
	for (uint64_t n = 0; n < cnt; n++) {
		line[0] = n;
		if (shmchan_send(ch, &m, SHMCHAN_FOREVER) != 0)
			return -1;
	}
	return 0;
}

static double consume(struct shmchan *ch, uint64_t cnt)
{
	struct shmchan_msg m;
	double start = 0;
	for (uint64_t n = 0; n < cnt; n++) {
		if (shmchan_recv(ch, &m, SHMCHAN_FOREVER) != 0)
			return -1;
		if (n == 0)
			start = now_ns();
		shmchan_done(ch);
	}
	return (now_ns() - start) / (double)(cnt - 1);
}

static void service(const char *group, unsigned slot, unsigned incarnation, int orders, int result)
{
	struct shmchan_proc *me;
	struct shmchan *ch;
	uint64_t cnt;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (shmchan_attach(&me, group, slot, incarnation, NULL) != 0 ||
	    shmchan_open(me, "stream", slot == PRODUCER ? SHMCHAN_TX : SHMCHAN_RX, &ch, NULL) != 0)
		_exit(1);
	while (read(orders, &cnt, sizeof cnt) == sizeof cnt) {
		double ns = slot == PRODUCER ? produce(ch, cnt) : consume(ch, cnt);
		if (slot == CONSUMER && write(result, &ns, sizeof ns) != sizeof ns)
			_exit(1);
	}
	_exit(0);
}

static bool spawn(struct stream *s, unsigned slot, int result)
{
	int orders[2];
	unsigned incarnation;
	if (pipe2(orders, O_CLOEXEC) != 0 || shmchan_broker_announce(s->broker, slot, &incarnation) != 0)
		return false;
	s->pid[slot] = fork();
	if (s->pid[slot] == 0) {
		close(orders[1]);
		service(s->group, slot, incarnation, orders[0], result);
	}
	close(orders[0]);
	s->to[slot] = orders[1];
	return s->pid[slot] > 0 && shmchan_broker_spawned(s->broker, slot, s->pid[slot]) == 0;
}

struct stream *stream_start(void)
{
	static const unsigned producer = PRODUCER, consumer = CONSUMER;
	static const char *const services[] = {"producer", "consumer"};
	const struct shmchan_chan_spec chan = {.name = "stream",
					       .kind = SHMCHAN_KIND_SPSC,
					       .capacity = 1024,
					       .msg_size = 64,
					       .producers = &producer,
					       .producer_cnt = 1,
					       .consumers = &consumer,
					       .consumer_cnt = 1};
	struct stream *s = calloc(1, sizeof *s);
	struct shmchan_group_spec spec = {
		.services = services, .service_cnt = 2, .chans = &chan, .chan_cnt = 1};
	struct shmchan_why why = {0};
	int result[2];

	if (s == NULL)
		return NULL;
	snprintf(s->group, sizeof s->group, "bench-stream-%d", getpid());
	spec.name = s->group;
	if (shmchan_broker_create(&s->broker, &spec, &why) != 0 || pipe2(result, O_CLOEXEC) != 0) {
		fprintf(stderr, "bench: cannot create group %s: %s\n", s->group, why.text);
		free(s);
		return NULL;
	}
	s->result = result[0];
	if (spawn(s, CONSUMER, result[1]) && spawn(s, PRODUCER, result[1])) {
		close(result[1]);
		return s;
	}
	fprintf(stderr, "bench: cannot start the processes of group %s\n", s->group);
	close(result[1]);
	stream_stop(s);
	return NULL;
}

void stream_stop(struct stream *s)
{
	for (unsigned slot = PRODUCER; slot <= CONSUMER; slot++)
		if (s->pid[slot] > 0) {
			kill(s->pid[slot], SIGKILL);
			waitpid(s->pid[slot], NULL, 0);
			close(s->to[slot]);
		}
	close(s->result);
	shmchan_broker_destroy(s->broker);
	free(s);
}

const char *stream_group(const struct stream *s)
{
	return s->group;
}

double stream_run(struct stream *s, uint64_t cnt)
{
	double ns;
	for (unsigned slot = PRODUCER; slot <= CONSUMER; slot++)
		if (write(s->to[slot], &cnt, sizeof cnt) != sizeof cnt)
			return -1;
	return read(s->result, &ns, sizeof ns) == sizeof ns ? ns : -1;
}
