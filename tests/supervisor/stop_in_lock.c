// Usage: stop_in_lock GROUP CHANNEL head|tail PID
// Steps a process of a running group from instruction to instruction until it holds that lock of an mpmc2 channel, and leaves it
// stopped there, by SIGSTOP, with nobody tracing it. Exit status: 0 when it holds the lock.
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include "shmchan/list.h"
#include "shmchan/lock.h"
#include "shmchan/map.h"

#define STEPS_MAX 20000000
#define FUTEX_TID 0x3fffffffu

static int fail(const char *what)
{
	fprintf(stderr, "stop_in_lock: can't %s: %s\n", what, strerror(errno));
	return 1;
}

static shmchan_lock *find(struct shmchan_map *m, const char *channel, const char *which)
{
	for (uint32_t i = 0; i < m->cnt; i++) {
		const struct shmchan_ring_ref *r = shmchan_map_ring(m, (uint16_t)(i + 1));

		if (r && r->kind == SHMCHAN_KIND_MPMC2 && strcmp(m->entries[i].name, channel) == 0)
			return which[0] == 'h' ? &r->list->head_lock : &r->list->tail_lock;
	}
	return NULL;
}

static bool has(shmchan_lock *lock, pid_t pid)
{
	return ((uint32_t)atomic_load(lock) & FUTEX_TID) == (uint32_t)pid;
}

static int stop(shmchan_lock *lock, pid_t pid)
{
	int status, deliver = 0;

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) ||
	    waitpid(pid, &status, 0) != pid)
		return fail("stop the process");
	for (unsigned n = 0; n < STEPS_MAX && !has(lock, pid); n++) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, (void *)(long)deliver) || waitpid(pid, &status, 0) != pid ||
		    !WIFSTOPPED(status))
			return fail("step it");
		deliver = WSTOPSIG(status) == SIGTRAP || status >> 16 ? 0 : WSTOPSIG(status);
	}
	if (!has(lock, pid))
		return fail("meet it in the lock");
	// PTRACE_DETACH gives its signal only to a process that stopped on one, and this one may have been in the lock when it was
	// interrupted: a signal that is pending stops it from either.
	return kill(pid, SIGSTOP) || ptrace(PTRACE_DETACH, pid, NULL, NULL) ? fail("leave it") : 0;
}

int main(int argc, char **argv)
{
	struct shmchan_map m;
	struct shmchan_why why = {0};
	shmchan_lock *lock;
	int status;

	if (argc != 5) {
		fprintf(stderr, "usage: stop_in_lock GROUP CHANNEL head|tail PID\n");
		return 2;
	}
	if (shmchan_map_open(&m, argv[1], false, &why))
		return fail("open the group");
	lock = find(&m, argv[2], argv[3]);
	status = lock ? stop(lock, atoi(argv[4])) : fail("find the lock");
	shmchan_map_close(&m);
	return status;
}
