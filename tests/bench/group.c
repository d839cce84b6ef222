// The driver's part: starts the processes of a contender, asks for samples, ends them.
#include "tests/bench/side.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/bench/side_priv.h"

#define PATIENCE_MS 8000

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

// Its processes must not go on spinning beside the others.
static bool give_up(struct group *g, const char *why)
{
	fprintf(stderr, "%s: %s: %s: %s; left out of this row from here on\n",
		program_invocation_short_name, g->row->name, g->c->name, why);
	g->failed = true;
	for (unsigned who = 0; who < g->procs; who++)
		if (g->pid[who] > 0)
			kill(g->pid[who], SIGKILL);
	return false;
}

static bool receive(struct group *g, unsigned who, void *to, size_t len)
{
	struct pollfd p = {.fd = g->sock[who], .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, PATIENCE_MS);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		return give_up(g, "no end of a sample after 8 s");
	if (recv(g->sock[who], to, len, 0) != (ssize_t)len)
		return give_up(g, "a process has died");
	return true;
}

static bool start_process(struct group *g, unsigned who)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	fflush(NULL);
	g->pid[who] = fork();
	if (g->pid[who] == 0) {
		close(pair[0]);
		side_process(g, who, pair[1]);
	}
	close(pair[1]);
	g->sock[who] = pair[0];
	g->procs = who + 1;
	return g->pid[who] > 0;
}

bool group_start(struct group *g, const struct contender *c, const struct row *row)
{
	char ready;

	*g = (struct group){.c = c, .row = row};
	if (!side_line && !(side_line = bench_shared(sizeof(*side_line))))
		return give_up(g, "no memory to share");
	g->side = bench_shared(sizeof(*g->side));
	g->state = g->side ? c->create(c, row) : NULL;
	if (!g->state) {
		give_up(g, "its shared state could not be made");
		group_end(g);
		return false;
	}
	for (unsigned who = 0; who <= row->producers; who++)
		if (!start_process(g, who)) {
			give_up(g, "a process could not be started");
			group_end(g);
			return false;
		}
	for (unsigned who = 0; who <= row->producers; who++)
		if (!receive(g, who, &ready, 1)) {
			group_end(g);
			return false;
		}
	return true;
}

// Polling ends go once around their ring before they are timed: a deep one is not in the caches any more, since the samples
// of the others.
static uint64_t warm_up(const struct row *row, uint64_t cnt)
{
	uint64_t warm = cnt / 8 + 1;
	bool polls = row->form == FORM_RTT || row->form == FORM_STREAM || row->form == FORM_BUILT || row->form == FORM_BATCH;

	return polls && warm < row->cap ? row->cap : warm;
}

static bool order(struct group *g, uint64_t cnt, struct side_order *o)
{
	static uint32_t no;

	*o = (struct side_order){.no = ++no, .first = g->next, .warm = warm_up(g->row, cnt), .cnt = cnt};
	g->next += o->warm + o->cnt;
	// Relaxed: the orders that follow through the sockets are seen after it.
	atomic_store_explicit(&side_line->ball, 0, memory_order_relaxed);
	for (unsigned who = 0; who < g->procs; who++)
		if (send(g->sock[who], o, sizeof(*o), MSG_NOSIGNAL) != (ssize_t)sizeof(*o))
			return give_up(g, "a process has died");
	return true;
}

static bool collect(struct group *g, struct sample *out)
{
	for (unsigned who = 0; who < g->procs; who++) {
		struct side_answer a;

		if (!receive(g, who, &a, sizeof(a)))
			return false;
		if (a.bad)
			return give_up(g, "received something else than what was sent");
		if (!isnan(a.value)) {
			out->value = a.value;
			out->second = a.second;
		}
		if (who == 1)
			memcpy(out->line, a.line, sizeof(out->line));
	}
	return true;
}

const char *sample_class(const struct sample *s, double near_ns)
{
	double a = s->line[0], b = s->line[1];

	if ((a < near_ns) != (b < near_ns) || a > 1.6 * b || b > 1.6 * a)
		return NULL;
	return a < near_ns ? "near" : "far";
}

bool group_sample(struct group *g, uint64_t cnt, struct sample *out)
{
	double start = now_ms();
	struct side_order o;

	*out = (struct sample){.value = NAN, .second = NAN};
	if (!order(g, cnt, &o) || !collect(g, out))
		return false;
	out->msec = now_ms() - start;
	return true;
}

// Every process runs from one system call to the next; those it makes while messages pass are counted. It is
// let go at the first one after its sample.
bool group_count_calls(struct group *g, uint64_t cnt, uint64_t *calls)
{
	struct side_order o;
	struct sample s;
	unsigned traced = 0;

	*calls = 0;
	for (unsigned who = 0; who < g->procs; who++) {
		// Relaxed: the order that follows through the socket is seen after it.
		atomic_store_explicit(&g->side->mine[who].running, 0, memory_order_relaxed);
		if (ptrace(PTRACE_SEIZE, g->pid[who], NULL, PTRACE_O_TRACESYSGOOD) != 0 ||
		    ptrace(PTRACE_INTERRUPT, g->pid[who], NULL, NULL) != 0)
			return give_up(g, "its system calls can't be counted: ptrace is refused");
		traced++;
	}
	if (!order(g, cnt, &o))
		return false;
	while (traced) {
		int status, sig = 0;
		pid_t pid = waitpid(-1, &status, __WALL);
		unsigned who = 0;

		if (pid < 0)
			return give_up(g, "its system calls can't be counted");
		while (who < g->procs && g->pid[who] != pid)
			who++;
		if (who == g->procs)
			continue;
		if (!WIFSTOPPED(status))
			return give_up(g, "a process has died");
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			uint32_t running =
				atomic_load_explicit(&g->side->mine[who].running, memory_order_relaxed);
			struct __ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};

			ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info);
			if (running == 2) {
				ptrace(PTRACE_DETACH, pid, NULL, NULL);
				traced--;
				continue;
			}
			*calls += running == 1 && info.op == PTRACE_SYSCALL_INFO_ENTRY;
		} else if (status >> 16 != PTRACE_EVENT_STOP) {
			sig = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, sig);
	}
	return collect(g, &s);
}

// What a library does at the end of a process is not ours to trust.
static void end_process(pid_t pid)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (p.fd < 0 || poll(&p, 1, 2000) != 1)
		kill(pid, SIGKILL);
	if (p.fd >= 0)
		close(p.fd);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void group_end(struct group *g)
{
	struct side_order end = {.no = 0};

	for (unsigned who = 0; who < g->procs; who++) {
		if (!g->failed)
			send(g->sock[who], &end, sizeof(end), MSG_NOSIGNAL);
		close(g->sock[who]);
	}
	for (unsigned who = 0; who < g->procs; who++)
		if (g->pid[who] > 0)
			end_process(g->pid[who]);
	if (g->state)
		g->c->destroy(g->state);
	bench_unshare(g->side, sizeof(*g->side));
	g->side = NULL;
	g->state = NULL;
	g->procs = 0;
}
