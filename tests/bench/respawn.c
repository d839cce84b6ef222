// Usage: respawn [-o FILE] [-n SAMPLES]
// The time from SIGKILL of a worker, busy with a message, to the first message that its replacement receives.
//
//	shmchan-broker        broker.h, a pidfd and posix_spawn: wait for the death, recover, announce, spawn;
// the worker 	                      attaches, opens its channels and receives 	floor-pidfd-spawn the
// same program, pidfd and posix_spawn alone; the replacement's first statement
//
// The parts of the former are rows of their own. Exit status: 0; 1 something failed, said on stderr; 2 usage.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "tests/bench/respawn.h"
#include "tests/bench/table.h"

#define WORKER_SLOT 1u
#define SOURCE_SLOT 2u
#define PATIENCE_NS 5000000000u

extern char **environ;

struct job {
	struct shmchan_broker *b;
	struct shmchan_proc *source;
	struct shmchan *requests, *answers;
	char group[SHMCHAN_NAME_MAX], worker[512];
	struct respawn_page *page;
	int page_fd;
	pid_t pid;
	uint64_t sent, answered;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool failed(const char *what, int err, const struct shmchan_why *why)
{
	fprintf(stderr, "respawn: can't %s: %s%s%s; giving up\n", what,
		err ? shmchan_strerror(err) : strerror(errno), why ? " " : "", why ? why->text : "");
	return false;
}

// The replacement's environment: where it belongs, and nothing of ours but what libc wants.
static bool spawn(struct job *j, unsigned incarnation)
{
	char group[80], slot[32], inc[40], page[32];
	char *env[] = {group, slot, inc, page, NULL},
	     *argv[] = {j->worker, j->b ? NULL : (char *)"bare", NULL};
	int err;

	snprintf(group, sizeof(group), "SHMCHAN_GROUP=%s", j->group);
	snprintf(slot, sizeof(slot), "SHMCHAN_SLOT=%u", WORKER_SLOT);
	snprintf(inc, sizeof(inc), "SHMCHAN_INCARNATION=%u", incarnation);
	snprintf(page, sizeof(page), "RESPAWN_PAGE=%d", j->page_fd);
	err = posix_spawn(&j->pid, j->worker, NULL, NULL, argv, env);
	if (err) {
		errno = err;
		return failed("start the worker", 0, NULL);
	}
	return true;
}

// Kills and waits; the times of the kill and of the pidfd's word that it is dead.
static bool kill_worker(struct job *j, uint64_t *killed, uint64_t *dead)
{
	int fd = (int)syscall(SYS_pidfd_open, j->pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	siginfo_t info;

	if (fd < 0)
		return failed("watch the worker", 0, NULL);
	*killed = now_ns();
	kill(j->pid, SIGKILL);
	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	waitid(P_PIDFD, (id_t)fd, &info, WEXITED);
	*dead = now_ns();
	close(fd);
	return true;
}

// Waits for the time that incarnation `inc` writes down.
static bool first_time(struct job *j, uint32_t inc, uint64_t *t)
{
	uint64_t end = now_ns() + PATIENCE_NS;

	// Acquire pairs with the worker's release: the time stands before it.
	while (atomic_load_explicit(&j->page->inc, memory_order_acquire) != inc) {
		struct timespec ms = {.tv_nsec = 200000};

		if (now_ns() > end)
			return failed("wait for the replacement: it has received nothing for 5 s",
				      SHMCHAN_TIMEOUT, NULL);
		nanosleep(&ms, NULL);
	}
	*t = j->page->first_ns;
	return true;
}

static void fill(struct job *j)
{
	char body[64] = {0};
	struct shmchan_msg m = {.data = body,
				.len = sizeof(body),
				.type = 1,
				.corr = j->sent + 1,
				.reply = shmchan_id(j->answers)};

	while (shmchan_try_send(j->requests, &m) == 0)
		m.corr = ++j->sent + 1;
}

// Keeps requests in the queue and takes answers, until the worker has answered some more.
static bool feed(struct job *j, uint64_t until)
{
	struct shmchan_msg m;

	while (j->answered < until) {
		fill(j);
		if (shmchan_recv(j->answers, &m, PATIENCE_NS) != 0)
			return failed("receive an answer", SHMCHAN_TIMEOUT, NULL);
		shmchan_done(j->answers);
		j->answered++;
	}
	return true;
}

static bool create(struct job *j)
{
	static const unsigned worker = WORKER_SLOT, source = SOURCE_SLOT;
	static const char *const services[] = {"worker", "source"};
	const struct shmchan_chan_spec chans[] = {
		{.name = "requests",
		 .kind = SHMCHAN_KIND_SPSC,
		 .capacity = 64,
		 .msg_size = 64,
		 .producers = &source,
		 .producer_cnt = 1,
		 .consumers = &worker,
		 .consumer_cnt = 1},
		{.name = "answers",
		 .kind = SHMCHAN_KIND_MPSC,
		 .capacity = 256,
		 .msg_size = 64,
		 .producers = &worker,
		 .producer_cnt = 1,
		 .consumers = &source,
		 .consumer_cnt = 1},
	};
	const struct shmchan_group_spec spec = {
		.name = j->group, .services = services, .service_cnt = 2, .chans = chans, .chan_cnt = 2};
	struct shmchan_why why = {0};
	unsigned inc;
	int err;

	snprintf(j->group, sizeof(j->group), "respawn-%d", (int)getpid());
	err = shmchan_broker_create(&j->b, &spec, &why);
	if (!err)
		err = shmchan_broker_announce(j->b, SOURCE_SLOT, &inc);
	if (!err)
		err = shmchan_attach(&j->source, j->group, SOURCE_SLOT, inc, &why);
	if (!err)
		err = shmchan_open(j->source, "requests", SHMCHAN_TX, &j->requests, &why);
	if (!err)
		err = shmchan_open(j->source, "answers", SHMCHAN_RX, &j->answers, &why);
	if (!err)
		err = shmchan_broker_announce(j->b, WORKER_SLOT, &inc);
	return err ? failed("make the group", err, &why) : spawn(j, inc);
}

static bool sample_broker(struct job *j, struct table *t)
{
	struct shmchan_death death = {.code = CLD_KILLED, .status = SIGKILL, .pid = j->pid};
	uint64_t killed, dead, recovered, spawned, first;
	unsigned inc;
	int err;

	// Some answers later it is at work, with requests behind the one in its hands.
	if (!feed(j, j->answered + 200) || !kill_worker(j, &killed, &dead))
		return false;
	fill(j); // it may have emptied the queue before it died
	err = shmchan_broker_recover(j->b, WORKER_SLOT, &death, NULL);
	if (!err)
		err = shmchan_broker_announce(j->b, WORKER_SLOT, &inc);
	if (err)
		return failed("recover", err, NULL);
	recovered = now_ns();
	if (!spawn(j, inc))
		return false;
	err = shmchan_broker_spawned(j->b, WORKER_SLOT, j->pid);
	spawned = now_ns();
	if (err)
		return failed("note the replacement", err, NULL);
	if (!first_time(j, inc, &first))
		return false;
	table_add(t, "respawn_first_recv", "shmchan-broker", "any", "us", false,
		  (double)(first - killed) / 1e3);
	table_add(t, "respawn_death_seen", "shmchan-broker", "any", "us", false,
		  (double)(dead - killed) / 1e3);
	table_add(t, "respawn_recover", "shmchan-broker", "any", "us", false,
		  (double)(recovered - dead) / 1e3);
	table_add(t, "respawn_spawn", "shmchan-broker", "any", "us", false,
		  (double)(spawned - recovered) / 1e3);
	table_add(t, "respawn_start_attach", "shmchan-broker", "any", "us", false,
		  (double)(first - recovered) / 1e3);
	return true;
}

static bool sample_bare(struct job *j, struct table *t)
{
	uint64_t killed, dead, first;
	static unsigned inc;

	if (!kill_worker(j, &killed, &dead))
		return false;
	if (!spawn(j, ++inc) || !first_time(j, inc, &first))
		return false;
	table_add(t, "respawn_first_recv", "floor-pidfd-spawn", "any", "us", false,
		  (double)(first - killed) / 1e3);
	table_add(t, "respawn_death_seen", "floor-pidfd-spawn", "any", "us", false,
		  (double)(dead - killed) / 1e3);
	table_add(t, "respawn_start_attach", "floor-pidfd-spawn", "any", "us", false,
		  (double)(first - dead) / 1e3);
	return true;
}

static bool make_page(struct job *j)
{
	j->page_fd = (int)syscall(SYS_memfd_create, "respawn", 0);
	if (j->page_fd < 0 || ftruncate(j->page_fd, sizeof(*j->page)) != 0)
		return failed("make the page that workers write to", 0, NULL);
	j->page = mmap(NULL, sizeof(*j->page), PROT_READ | PROT_WRITE, MAP_SHARED, j->page_fd, 0);
	return j->page != MAP_FAILED || failed("map the page that workers write to", 0, NULL);
}

static void end(struct job *j)
{
	if (j->pid > 0) {
		kill(j->pid, SIGKILL);
		waitpid(j->pid, NULL, 0);
	}
	shmchan_detach(j->source);
	shmchan_broker_destroy(j->b);
}

static bool measure(struct job *ours, struct job *bare, unsigned samples, struct table *t)
{
	if (!make_page(ours) || !make_page(bare) || !create(ours) || !spawn(bare, 0))
		return false;
	for (unsigned i = 0; i < samples; i++)
		if (!sample_broker(ours, t) || !sample_bare(bare, t))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	static const char *const rows[] = {"respawn_first_recv", "respawn_death_seen", "respawn_recover",
					   "respawn_spawn", "respawn_start_attach"};
	struct job ours = {.pid = 0}, bare = {.pid = 0};
	struct table *t = table_new();
	unsigned samples = 60;
	const char *out = NULL;
	ssize_t n;
	bool ok;

	if (!table_args(argc, argv, "respawn", &samples, &out))
		return 2;
	n = readlink("/proc/self/exe", ours.worker, sizeof(ours.worker) - 16);
	if (!t || n < 0) {
		fprintf(stderr, "respawn: can't find the worker: %m; giving up\n");
		return 1;
	}
	strcpy(ours.worker + n, "-worker");
	memcpy(bare.worker, ours.worker, sizeof(bare.worker));
	ok = measure(&ours, &bare, samples, t);
	end(&ours);
	end(&bare);
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		table_print(t, rows[i], NULL);
	return table_end(t, ok, "respawn", out);
}
