// A program on libshmchan, whole: a client asks for squares, a worker answers, and the parent kills the worker
// again and again. Every request is answered: by the worker, or, if it died with the request, by the parent.
//
//	cc squares.c -o squares $(pkg-config --cflags --libs shmchan)
//	./squares [REQUESTS [KILLS]]
//
// Exit status: 0 every request was answered once, 1 not so, 2 bad arguments, 3 the system refused something.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <shmchan/broker.h>
#include <shmchan/view.h>

enum { CLIENT = 1, WORKER = 2 }; // process slots; 0 is the broker's
enum { TYPE_NUMBER = 1, TYPE_SQUARE = 2 };
enum { BETWEEN_KILLS_MS = 2 };

static const char *const services[] = {"client", "worker"};

static volatile sig_atomic_t stopped; // a signal asks the parent to end

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "squares: %s: %s; ended\n", what, why);
	exit(3);
}

static void must(int code, const char *what)
{
	if (code < 0)
		die(what, shmchan_strerror(code));
}

// -------------------------------------------------------------------------------------------- the worker

static int worker(struct shmchan_proc *me)
{
	struct shmchan *in, *out;
	struct shmchan_msg m;

	must(shmchan_open(me, "numbers", SHMCHAN_RX, &in, NULL), "numbers");
	must(shmchan_open(me, "squares", SHMCHAN_TX, &out, NULL), "squares");
	shmchan_ready(me);
	while (shmchan_recv(in, &m, SHMCHAN_FOREVER) == 0) {
		uint64_t n, square;

		memcpy(&n, m.data, sizeof(n));
		square = n * n;
		// One step: whenever this process dies, the answer is sent and the request done, or neither.
		must(shmchan_answer(in, out,
				    &(struct shmchan_msg){.corr = m.corr,
							  .type = TYPE_SQUARE,
							  .len = sizeof(square),
							  .data = &square},
				    SHMCHAN_FOREVER),
		     "answer");
	}
	return 0;
}

// -------------------------------------------------------------------------------------------- the client

struct tally {
	uint64_t asked, answered, told, wrong;
};

static void hear(struct tally *t, const struct shmchan_msg *m)
{
	uint64_t square;

	if (m->status == SHMCHAN_PEER_DIED) {
		t->told++; // nobody will answer request m->corr; a client that needs the answer asks again
		return;
	}
	memcpy(&square, m->data, sizeof(square));
	t->wrong += square != m->corr * m->corr;
	t->answered++;
}

static int client(struct shmchan_proc *me, uint64_t requests)
{
	struct shmchan_sel sel[2] = {{0}, {0}};
	struct shmchan_msg m;
	struct tally t = {0};

	must(shmchan_open(me, "squares", SHMCHAN_RX, &sel[0].ch, NULL), "squares");
	must(shmchan_open(me, "numbers", SHMCHAN_TX, &sel[1].ch, NULL), "numbers");
	shmchan_ready(me);
	while (t.answered + t.told < requests) {
		// Once everything is asked, only answers are waited for.
		must(shmchan_select(me, sel, t.asked < requests ? 2 : 1, SHMCHAN_FOREVER), "select");
		while (shmchan_take(sel[0].ch, &m) == 0) {
			hear(&t, &m);
			shmchan_done(sel[0].ch);
		}
		while (t.asked < requests &&
		       shmchan_try_send(sel[1].ch, &(struct shmchan_msg){.corr = t.asked,
									 .type = TYPE_NUMBER,
									 .reply = shmchan_id(sel[0].ch),
									 .len = sizeof(t.asked),
									 .data = &t.asked}) == 0)
			t.asked++;
	}
	printf("%llu asked, %llu answered, %llu died with the worker, %llu wrong\n", (unsigned long long)t.asked,
	       (unsigned long long)t.answered, (unsigned long long)t.told, (unsigned long long)t.wrong);
	return t.wrong == 0 && t.answered + t.told == requests ? 0 : 1;
}

// -------------------------------------------------------------------------------------------- the parent

static pid_t start(struct shmchan_broker *b, const char *group, unsigned slot, uint64_t requests)
{
	pid_t parent = getpid(), pid;
	unsigned incarnation;

	must(shmchan_broker_announce(b, slot, &incarnation), "announce");
	pid = fork();
	if (pid < 0)
		die("fork", strerror(errno));
	if (pid == 0) {
		struct shmchan_proc *me;
		struct shmchan_why why;
		int err;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(3);
		shmchan_broker_leave(b);
		err = shmchan_attach(&me, group, slot, incarnation, &why);
		if (err)
			die(why.object, why.text);
		exit(slot == WORKER ? worker(me) : client(me, requests));
	}
	must(shmchan_broker_spawned(b, slot, pid), "spawned");
	return pid;
}

// Waits for the end of `pid`, which the kernel then has confirmed, and repairs what it left.
static struct shmchan_repair bury(struct shmchan_broker *b, unsigned slot, pid_t pid, int *status)
{
	struct shmchan_repair repair;
	siginfo_t info = {0};

	while (waitid(P_PID, (id_t)pid, &info, WEXITED) && errno == EINTR)
		;
	*status = info.si_code == CLD_EXITED ? info.si_status : -1;
	must(shmchan_broker_recover(
		     b, slot,
		     &(struct shmchan_death){.pid = pid, .code = info.si_code, .status = info.si_status},
		     &repair),
	     "recover");
	return repair;
}

static bool ended(pid_t pid, int ms)
{
	siginfo_t info = {0};

	if (ms)
		poll(NULL, 0, ms);
	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

static void report(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	fprintf(stderr, "squares: %s: %s\n", object, text);
}

static int run(struct shmchan_broker *b, const char *group, uint64_t requests, unsigned long kills)
{
	pid_t asking = start(b, group, CLIENT, requests), working = start(b, group, WORKER, 0);
	unsigned long killed = 0;
	int status, none;

	while (!ended(asking, BETWEEN_KILLS_MS)) {
		if (stopped)
			kill(asking, SIGKILL);
		if (stopped || killed == kills)
			continue;
		kill(working, SIGKILL);
		killed++;
		bury(b, WORKER, working, &none);
		working = start(b, group, WORKER, 0);
	}
	bury(b, CLIENT, asking, &status);
	kill(working, SIGKILL);
	bury(b, WORKER, working, &none);
	printf("the worker was killed %lu times\n", killed);
	return status == 0 && shmchan_broker_check(b, report, NULL) == 0 ? 0 : 1;
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9') {
		fprintf(stderr, "squares: '%s' is not a number; usage: squares [REQUESTS [KILLS]]\n", text);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const unsigned ask[] = {CLIENT}, work[] = {WORKER};
	const struct shmchan_chan_spec chans[] = {
		{.name = "numbers",
		 .kind = SHMCHAN_KIND_SPSC,
		 .capacity = 100,
		 .msg_size = 8,
		 .producers = ask,
		 .producer_cnt = 1,
		 .consumers = work,
		 .consumer_cnt = 1},
		{.name = "squares",
		 .kind = SHMCHAN_KIND_SPSC,
		 .capacity = 100,
		 .msg_size = 8,
		 .producers = work,
		 .producer_cnt = 1,
		 .consumers = ask,
		 .consumer_cnt = 1},
	};
	char group[SHMCHAN_NAME_MAX];
	const struct shmchan_group_spec spec = {
		.name = group, .services = services, .service_cnt = 2, .chans = chans, .chan_cnt = 2};
	uint64_t requests = argc > 1 ? number(argv[1]) : 1000000;
	unsigned long kills = argc > 2 ? (unsigned long)number(argv[2]) : 100;
	struct shmchan_broker *b;
	struct shmchan_why why;
	int status;

	if (argc > 3) {
		fprintf(stderr, "squares: too many arguments; usage: squares [REQUESTS [KILLS]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(group, sizeof(group), "squares-%d", (int)getpid());
	if (shmchan_broker_create(&b, &spec, &why))
		die(why.object, why.text);
	sigaction(SIGINT, &(struct sigaction){.sa_handler = stop}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, NULL);
	status = run(b, group, requests, kills);
	shmchan_broker_destroy(b);
	return status;
}
