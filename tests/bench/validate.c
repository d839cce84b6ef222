// Usage: validate [-o FILE] [-n SAMPLES] [-q REQUESTS]
// The node's job through shmsup (procs/topologies/validate.yaml), run from the top of the tree:
//	validations_1w, validations_2w   validations per second with one and two workers, in the overlapped
// and the plain 	                                 form, one short job each in turn
// respawn_first_recv               from SIGKILL of a busy worker to the next message taken from its queue
// Exit status: 0; 1 a job failed or its counts did not balance, said on stderr; 2 usage.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/view.h"
#include "tests/bench/table.h"

#define TOPOLOGY "procs/topologies/validate.yaml"
#define WORKER "rewinder-worker-1"
#define QUEUE "requests-1"
#define KILLS 40
#define PATIENCE_NS 3000000000u

extern char **environ;

// shmsup and what it writes lie beside this program.
static char shmsup[512], report[512], log_file[512];
static char group[SHMCHAN_NAME_MAX];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static pid_t start_job(const char *form, unsigned workers, unsigned requests)
{
	const char *vectors = getenv("VECTORS");
	posix_spawn_file_actions_t to_log;
	char v[600], f[40], w[40], q[40];
	char *argv[] = {shmsup,
			(char *)"run",
			(char *)TOPOLOGY,
			(char *)"--name",
			group,
			(char *)"--report",
			report,
			(char *)"--set",
			v,
			(char *)"--set",
			f,
			(char *)"--set",
			w,
			(char *)"--set",
			q,
			NULL};
	pid_t pid;
	int err;

	snprintf(v, sizeof(v), "vectors=%s", vectors ? vectors : "../shared/vectors");
	snprintf(f, sizeof(f), "form=%s", form);
	snprintf(w, sizeof(w), "workers=%u", workers);
	snprintf(q, sizeof(q), "requests=%u", requests);
	posix_spawn_file_actions_init(&to_log);
	posix_spawn_file_actions_addopen(&to_log, 1, log_file, O_WRONLY | O_CREAT | O_APPEND, 0666);
	posix_spawn_file_actions_adddup2(&to_log, 1, 2);
	err = posix_spawn(&pid, shmsup, &to_log, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&to_log);
	if (!err)
		return pid;
	fprintf(stderr, "validate: can't start %s: %s; giving up\n", shmsup, strerror(err));
	return -1;
}

// Waits for the job's end; its rate from the report.
static bool end_job(pid_t pid, double *per_second)
{
	double sent = 0, seconds = 0;
	json_t *r;
	int status, balanced = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	r = json_load_file(report, 0, NULL);
	unlink(report);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !r ||
	    json_unpack(r, "{s:F, s:F, s:b}", "sent", &sent, "seconds", &seconds, "balanced", &balanced) !=
		    0 ||
	    !balanced || seconds <= 0) {
		fprintf(stderr, "validate: job %s has failed, status %d, see %s; giving up\n", group,
			WIFEXITED(status) ? WEXITSTATUS(status) : -1, log_file);
		json_decref(r);
		return false;
	}
	json_decref(r);
	*per_second = sent / seconds;
	return true;
}

static bool sample(struct table *t, const char *bench, const char *form, unsigned workers, unsigned requests)
{
	double rate;
	pid_t pid = start_job(form, workers, requests);

	if (pid < 0 || !end_job(pid, &rate))
		return false;
	table_add(t, bench, form, "any", "1/s", true, rate);
	return true;
}

static bool find_worker(struct shmchan_view *v, struct shmchan_view_proc *p)
{
	for (unsigned i = 0; shmchan_view_proc(v, i, p) == 0; i++)
		if (!strcmp(p->name, WORKER))
			return true;
	return false;
}

static bool find_queue(struct shmchan_view *v, unsigned *index)
{
	struct shmchan_view_chan c;

	for (*index = 0; shmchan_view_chan(v, *index, &c) == 0; ++*index)
		if (!strcmp(c.name, QUEUE))
			return true;
	return false;
}

static uint64_t taken(struct shmchan_view *v, unsigned queue)
{
	struct shmchan_view_chan c;

	return shmchan_view_chan(v, queue, &c) == 0 ? c.stat.dequeued : 0;
}

// Waits until more than `than` messages have been taken; false after a while: the job is at its end.
static bool await_taken(struct shmchan_view *v, unsigned queue, uint64_t than)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	while (taken(v, queue) <= than) {
		struct timespec some = {.tv_nsec = 20000};

		if (now_ns() > end)
			return false;
		nanosleep(&some, NULL);
	}
	return true;
}

// Between the death and the first message of the next incarnation nobody else takes from the queue.
static bool kill_once(struct table *t, struct shmchan_view *v, unsigned queue)
{
	struct shmchan_view_proc p;
	struct pollfd dead = {.events = POLLIN};
	uint64_t killed, before;
	bool ok;

	// At work, and not for the first time since it was respawned.
	if (!await_taken(v, queue, taken(v, queue) + 2) || !find_worker(v, &p) ||
	    p.state != SHMCHAN_PROC_RUNNING)
		return false;
	dead.fd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	if (dead.fd < 0)
		return false;
	killed = now_ns();
	kill(p.pid, SIGKILL);
	ok = poll(&dead, 1, 3000) == 1;
	before = taken(v, queue);
	ok = ok && await_taken(v, queue, before);
	if (ok)
		table_add(t, "respawn_first_recv", "shmchan-shmsup", "any", "us", false,
			  (double)(now_ns() - killed) / 1e3);
	close(dead.fd);
	return ok;
}

static struct shmchan_view *await_group(void)
{
	uint64_t end = now_ns() + PATIENCE_NS;
	struct shmchan_view *v = NULL;
	struct shmchan_view_proc p;

	while (now_ns() < end) {
		struct timespec some = {.tv_nsec = 1000000};

		if (shmchan_view_open(&v, group, NULL) == 0) {
			if (find_worker(v, &p) && p.ready)
				return v;
			shmchan_view_close(v);
		}
		nanosleep(&some, NULL);
	}
	return NULL;
}

static bool kills(struct table *t, unsigned requests)
{
	pid_t pid = start_job("overlapped", 2, requests);
	struct shmchan_view *v = pid > 0 ? await_group() : NULL;
	unsigned queue, n = 0;
	double rate;

	if (v && find_queue(v, &queue))
		while (n < KILLS && kill_once(t, v, queue))
			n++;
	shmchan_view_close(v);
	return pid > 0 && end_job(pid, &rate);
}

static bool measure(struct table *t, unsigned samples, unsigned requests)
{
	for (unsigned i = 0; i < samples; i++) {
		const char *forms[] = {i % 2 ? "plain" : "overlapped", i % 2 ? "overlapped" : "plain"};

		for (unsigned f = 0; f < 2; f++)
			if (!sample(t, "validations_2w", forms[f], 2, requests) ||
			    !sample(t, "validations_1w", forms[f], 1, requests / 2))
				return false;
	}
	return kills(t, 2 * requests);
}

int main(int argc, char **argv)
{
	unsigned samples = 5, requests = 1500;
	struct table *t = table_new();
	const char *out = NULL;
	char *slash;
	ssize_t n;
	bool ok;
	int opt;

	while ((opt = getopt(argc, argv, "o:n:q:")) != -1) {
		if (opt == 'o')
			out = optarg;
		else if (opt == 'n' && atoi(optarg) > 0)
			samples = (unsigned)atoi(optarg);
		else if (opt == 'q' && atoi(optarg) > 1)
			requests = (unsigned)atoi(optarg);
		else {
			fprintf(stderr, "usage: validate [-o FILE] [-n SAMPLES] [-q REQUESTS]\n");
			return 2;
		}
	}
	n = readlink("/proc/self/exe", shmsup, sizeof(shmsup) - 32);
	slash = n > 0 ? strrchr(shmsup, '/') : NULL;
	if (!t || !slash) {
		fprintf(stderr, "validate: can't find shmsup: %m; giving up\n");
		return 1;
	}
	*slash = 0;
	snprintf(report, sizeof(report), "%.450s/validate.report", shmsup);
	snprintf(log_file, sizeof(log_file), "%.450s/validate.log", shmsup);
	strcpy(slash, "/../bin/shmsup");
	unlink(log_file);
	snprintf(group, sizeof(group), "bench-%d", (int)getpid());
	ok = measure(t, samples, requests);
	table_print(t, "validations_2w", NULL);
	table_print(t, "validations_1w", NULL);
	table_print(t, "respawn_first_recv", NULL);
	return table_end(t, ok, "validate", out);
}
