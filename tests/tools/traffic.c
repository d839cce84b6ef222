// clang-format off
// A small real group for the tests of the tools: a broker, a producer and a consumer, processes of their own.
//
//	traffic GROUP COUNT
//
// creates the group: channel `work` (spsc, producer -> consumer) whose messages are answered on `back` (mpsc,
// consumer -> producer), channel `idle`, pool `blocks`. Then it obeys one command per line on stdin, and says
// each on stdout when it is carried out:
//
//	start    spawn both; they attach and wait
//	flow     COUNT messages are sent and answered; both processes have ended
//	hold     the consumer is killed while one message (type 5, correlation 77, 10 bytes) is in flight; recovered
//	fill     the producer sends until `work` is full (type 2, correlations from 0, 7 bytes, a block with the first)
//	         and then stays alive, waiting for room; it owns one block and keeps another under tag 42
//	jam      after fill: the consumer takes one message, then answers until `back` is full and waits for room
//	ask      the producer sends one request and waits for the answer
//	freeze   after fill or ask: the consumer takes one message and stops itself
//	quit     (or end of input) end everything and remove the group
//
// Exit status 1 if anything did not go as said.
// clang-format on
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "shmchan/broker.h"

enum { PRODUCER = 1, CONSUMER = 2 };
static const char *const names[] = {SHMCHAN_BROKER_NAME, "producer", "consumer"};

static void must(int code, const char *what)
{
	if (code >= 0)
		return;
	fprintf(stderr, "traffic: %s: %s\n", what, shmchan_strerror(code));
	exit(1);
}

// ------------------------------------------------------------------------------------------------ services

struct ends {
	struct shmchan_proc *me;
	struct shmchan *work, *back;
};

static void attach(struct ends *e, bool producer)
{
	struct shmchan_why why = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(shmchan_attach_env(&e->me, &why), why.text);
	must(shmchan_open(e->me, "work", producer ? SHMCHAN_TX : SHMCHAN_RX, &e->work, &why), why.text);
	must(shmchan_open(e->me, "back", producer ? SHMCHAN_RX : SHMCHAN_TX, &e->back, &why), why.text);
	must(shmchan_ready(e->me), "ready");
}

static void await_signal(void)
{
	sigset_t set;
	int sig;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
}

static int producer(uint64_t count)
{
	struct ends e;
	struct shmchan_msg m;
	uint64_t answered = 0;
	attach(&e, true);
	await_signal();
	for (uint64_t n = 0; n < count; n++) {
		m = (struct shmchan_msg){
			.data = &n, .len = sizeof n, .type = 1, .corr = n + 1, .reply = shmchan_id(e.back)};
		must(shmchan_send(e.work, &m, SHMCHAN_FOREVER), "send");
		while (shmchan_take(e.back, &m) == 0) {
			answered++;
			must(shmchan_done(e.back), "done");
		}
	}
	for (; answered < count; answered++) {
		must(shmchan_recv(e.back, &m, SHMCHAN_FOREVER), "recv");
		must(shmchan_done(e.back), "done");
	}
	shmchan_detach(e.me);
	return 0;
}

static int one(void)
{
	struct ends e;
	struct shmchan_msg m = {.data = "0123456789", .len = 10, .type = 5, .corr = 77};
	attach(&e, true);
	await_signal();
	m.reply = shmchan_id(e.back);
	must(shmchan_send(e.work, &m, SHMCHAN_FOREVER), "send");
	must(shmchan_recv(e.back, &m, SHMCHAN_FOREVER), "recv");
	must(shmchan_done(e.back), "done");
	shmchan_detach(e.me);
	return m.status == SHMCHAN_PEER_DIED && m.corr == 77 ? 0 : 1;
}

static int fill(void)
{
	struct ends e;
	struct shmchan_pool *pool;
	struct shmchan_msg m = {.type = 2, .data = "filling", .len = 7};
	shmchan_block kept, owned;
	attach(&e, true);
	must(shmchan_pool_open(e.me, "blocks", &pool, NULL), "pool");
	must(shmchan_block_alloc(pool, &m.block), "alloc");
	must(shmchan_block_alloc(pool, &kept), "alloc");
	must(shmchan_block_alloc(pool, &owned), "alloc");
	must(shmchan_block_keep(pool, kept, 42), "keep");
	for (; shmchan_try_send(e.work, &m) == 0; m.corr++)
		m.block = SHMCHAN_NO_BLOCK;
	kill(getppid(), SIGUSR1);
	shmchan_send(e.work, &m, SHMCHAN_FOREVER);
	return 1; // only SIGKILL ends the wait
}

static int consumer(uint64_t count)
{
	struct ends e;
	struct shmchan_msg m;
	attach(&e, false);
	for (uint64_t n = 0; n < count; n++) {
		must(shmchan_recv(e.work, &m, SHMCHAN_FOREVER), "recv");
		struct shmchan_msg answer = {.corr = m.corr, .type = 1};
		must(shmchan_tally_add(e.work, 0, 1), "tally");
		must(shmchan_answer(e.work, e.back, &answer, SHMCHAN_FOREVER), "answer");
	}
	shmchan_detach(e.me);
	return 0;
}

static int jam(void)
{
	struct ends e;
	struct shmchan_msg m;
	attach(&e, false);
	must(shmchan_recv(e.work, &m, SHMCHAN_FOREVER), "recv");
	m = (struct shmchan_msg){.type = 1, .corr = m.corr};
	while (shmchan_try_send(e.back, &m) == 0)
		continue;
	kill(getppid(), SIGUSR1);
	shmchan_send(e.back, &m, SHMCHAN_FOREVER);
	return 1;
}

static int freeze(void)
{
	struct ends e;
	struct shmchan_msg m;
	attach(&e, false);
	must(shmchan_recv(e.work, &m, SHMCHAN_FOREVER), "recv");
	raise(SIGSTOP);
	return 1;
}

static int die(void)
{
	struct ends e;
	struct shmchan_msg m;
	attach(&e, false);
	must(shmchan_recv(e.work, &m, SHMCHAN_FOREVER), "recv");
	raise(SIGKILL);
	return 1;
}

// -------------------------------------------------------------------------------------------------- broker

struct group {
	const char *name, *count;
	struct shmchan_broker *broker;
	pid_t pid[3]; // by slot, 0 = none
	const char *role[3];
};

static void spawn(struct group *g, unsigned slot, const char *role)
{
	char slot_text[16], incarnation_text[16], self[256];
	char *argv[] = {self, (char *)"--role", (char *)role, (char *)g->count, NULL};
	unsigned incarnation;
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	self[len > 0 ? len : 0] = '\0';
	must(shmchan_broker_announce(g->broker, slot, &incarnation), "announce");
	snprintf(slot_text, sizeof slot_text, "%u", slot);
	snprintf(incarnation_text, sizeof incarnation_text, "%u", incarnation);
	setenv("SHMCHAN_GROUP", g->name, 1);
	setenv("SHMCHAN_SLOT", slot_text, 1);
	setenv("SHMCHAN_INCARNATION", incarnation_text, 1);
	if (posix_spawn(&g->pid[slot], self, NULL, NULL, argv, environ) != 0) {
		fprintf(stderr, "traffic: cannot spawn %s\n", role);
		exit(1);
	}
	g->role[slot] = role;
	must(shmchan_broker_spawned(g->broker, slot, g->pid[slot]), "spawned");
}

// Waits for the process in `slot` to end, repairs, and returns whether it ended as wanted.
static bool reap(struct group *g, unsigned slot, int code, int status)
{
	siginfo_t info = {0};
	struct shmchan_death death;
	if (waitid(P_PID, (id_t)g->pid[slot], &info, WEXITED) != 0)
		return false;
	death = (struct shmchan_death){.pid = g->pid[slot], .code = info.si_code, .status = info.si_status};
	g->pid[slot] = 0;
	must(shmchan_broker_recover(g->broker, slot, &death, NULL), "recover");
	if (info.si_code == code && info.si_status == status)
		return true;
	fprintf(stderr, "traffic: %s (%s): code %d status %d\n", names[slot], g->role[slot], info.si_code,
		info.si_status);
	return false;
}

static bool obey(struct group *g, const char *command)
{
	if (strcmp(command, "start") == 0) {
		spawn(g, CONSUMER, "consumer");
		spawn(g, PRODUCER, "producer");
		return true;
	}
	if (strcmp(command, "flow") == 0)
		return g->pid[PRODUCER] != 0 && kill(g->pid[PRODUCER], SIGUSR1) == 0 &&
		       reap(g, PRODUCER, CLD_EXITED, 0) && reap(g, CONSUMER, CLD_EXITED, 0);
	if (strcmp(command, "hold") == 0) {
		spawn(g, PRODUCER, "one");
		spawn(g, CONSUMER, "die");
		kill(g->pid[PRODUCER], SIGUSR1);
		return reap(g, CONSUMER, CLD_KILLED, SIGKILL) && reap(g, PRODUCER, CLD_EXITED, 0);
	}
	if (strcmp(command, "ask") == 0) {
		spawn(g, PRODUCER, "one");
		return kill(g->pid[PRODUCER], SIGUSR1) == 0;
	}
	if (strcmp(command, "fill") == 0) {
		spawn(g, PRODUCER, "fill");
		await_signal();
		return true;
	}
	if (strcmp(command, "jam") == 0) {
		spawn(g, CONSUMER, "jam");
		await_signal();
		return true;
	}
	if (strcmp(command, "freeze") == 0) {
		siginfo_t info;
		spawn(g, CONSUMER, "freeze");
		return waitid(P_PID, (id_t)g->pid[CONSUMER], &info, WSTOPPED | WNOWAIT) == 0;
	}
	return false;
}

static int broker(const char *group, const char *count)
{
	static const unsigned producer_slot = PRODUCER, consumer_slot = CONSUMER;
	static const unsigned both[] = {PRODUCER, CONSUMER};
	static const char *const tally[] = {"answered"};
	const struct shmchan_chan_spec chans[] = {
		{.name = "work",
		 .kind = SHMCHAN_KIND_SPSC,
		 .capacity = 8,
		 .msg_size = 64,
		 .alert_depth = 6,
		 .producers = &producer_slot,
		 .producer_cnt = 1,
		 .consumers = &consumer_slot,
		 .consumer_cnt = 1,
		 .tally = tally,
		 .tally_cnt = 1},
		{.name = "back",
		 .kind = SHMCHAN_KIND_MPSC,
		 .capacity = 16,
		 .msg_size = 0,
		 .producers = &consumer_slot,
		 .producer_cnt = 1,
		 .consumers = &producer_slot,
		 .consumer_cnt = 1},
		{.name = "idle",
		 .kind = SHMCHAN_KIND_SLOT,
		 .capacity = 1,
		 .msg_size = 8,
		 .producers = &producer_slot,
		 .producer_cnt = 1,
		 .consumers = &consumer_slot,
		 .consumer_cnt = 1,
		 .on_crash = SHMCHAN_REDELIVER,
		 .max_deliveries = 3},
	};
	const struct shmchan_pool_spec pool = {
		.name = "blocks", .block_size = 4096, .block_cnt = 4, .users = both, .user_cnt = 2};
	const struct shmchan_group_spec spec = {.name = group,
						.services = names + 1,
						.service_cnt = 2,
						.chans = chans,
						.chan_cnt = 3,
						.pools = &pool,
						.pool_cnt = 1,
						.dead_cnt = 16,
						.dead_bytes = 64};
	struct group g = {.name = group, .count = count};
	struct shmchan_why why = {0};
	char line[64];
	int status = 0;

	if (shmchan_broker_create(&g.broker, &spec, &why) != 0) {
		fprintf(stderr, "traffic: %s: %s\n", why.object, why.text);
		return 1;
	}
	printf("created\n");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "quit\n") != 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!obey(&g, line)) {
			fprintf(stderr, "traffic: '%s' failed\n", line);
			status = 1;
			break;
		}
		printf("%s\n", line);
		fflush(stdout);
	}
	for (unsigned slot = PRODUCER; slot <= CONSUMER; slot++)
		if (g.pid[slot] != 0) {
			kill(g.pid[slot], SIGKILL);
			reap(&g, slot, CLD_KILLED, SIGKILL);
		}
	shmchan_broker_destroy(g.broker);
	return status;
}

int main(int argc, char **argv)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1); // a signal to go on, for await_signal; inherited by the services
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (argc == 4 && strcmp(argv[1], "--role") == 0) {
		uint64_t count = strtoull(argv[3], NULL, 10);
		if (strcmp(argv[2], "producer") == 0)
			return producer(count);
		if (strcmp(argv[2], "consumer") == 0)
			return consumer(count);
		if (strcmp(argv[2], "one") == 0)
			return one();
		if (strcmp(argv[2], "jam") == 0)
			return jam();
		if (strcmp(argv[2], "freeze") == 0)
			return freeze();
		if (strcmp(argv[2], "die") == 0)
			return die();
		if (strcmp(argv[2], "fill") == 0)
			return fill();
	}
	if (argc == 3)
		return broker(argv[1], argv[2]);
	fprintf(stderr, "usage: traffic GROUP COUNT\n");
	return 2;
}
