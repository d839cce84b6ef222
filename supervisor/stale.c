#include "supervisor/stale.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/view.h"

#define DEATH_TIMEOUT_MS 10000
#define ROUNDS 16 // each ends at least one orphan or all that fit the descriptor limit

struct orphans {
	pid_t pid[SHMCHAN_SLOT_MAX];
	int pidfd[SHMCHAN_SLOT_MAX];
	unsigned cnt;
};

static int running(const char *group, struct fail *fail)
{
	struct shmchan_view *v;
	struct shmchan_view_group g = {0};

	if (shmchan_view_open(&v, group, NULL) == 0) {
		shmchan_view_group(v, &g);
		shmchan_view_close(v);
	}
	return fail_set(fail, SUP_RUNNING, "can't run group '%s': it is running, its supervisor has pid %d",
			group, (int)g.broker_pid);
}

static void open_all(struct orphans *o)
{
	for (unsigned i = 0; i < o->cnt; i++)
		o->pidfd[i] = pidfd_open(o->pid[i], 0);
}

static bool is_listed(pid_t pid, const pid_t *list, unsigned cnt)
{
	for (unsigned i = 0; i < cnt; i++)
		if (list[i] == pid)
			return true;
	return false;
}

static unsigned kill_confirmed(struct orphans *o, const pid_t *list, unsigned cnt)
{
	unsigned killed = 0;

	for (unsigned i = 0; i < o->cnt; i++) {
		struct pollfd p = {o->pidfd[i], POLLIN, 0};

		if (o->pidfd[i] < 0)
			continue;
		if (is_listed(o->pid[i], list, cnt) &&
		    pidfd_send_signal(o->pidfd[i], SIGKILL, NULL, 0) == 0) {
			poll(&p, 1, DEATH_TIMEOUT_MS);
			killed++;
		}
		close(o->pidfd[i]);
	}
	return killed;
}

int stale_remove(const char *group, struct stale_found *out, struct fail *fail)
{
	static struct orphans o; // 8 KiB, and only ever one caller
	pid_t again[SHMCHAN_SLOT_MAX];
	struct shmchan_why why = {0};
	int rc = 0;

	*out = (struct stale_found){0};
	for (int round = 0; round < ROUNDS; round++) {
		unsigned cnt = SHMCHAN_SLOT_MAX;

		o.cnt = SHMCHAN_SLOT_MAX;
		rc = shmchan_group_remove_stale(group, o.pid, &o.cnt, &why);
		if (rc != SHMCHAN_ESTALE)
			break;
		o.cnt = o.cnt < SHMCHAN_SLOT_MAX ? o.cnt : SHMCHAN_SLOT_MAX;
		open_all(&o);
		rc = shmchan_group_remove_stale(group, again, &cnt, &why);
		out->orphans += kill_confirmed(&o, again, rc == SHMCHAN_ESTALE ? cnt : 0);
		if (rc != SHMCHAN_ESTALE)
			break;
	}
	if (rc == SHMCHAN_EEXIST)
		return running(group, fail);
	if (rc == SHMCHAN_ESTALE)
		return fail_set(fail, SUP_SYSTEM,
				"can't run group '%s': processes of a killed supervisor's group do not end; "
				"nothing was removed",
				group);
	if (rc < 0)
		return fail_set(fail, SUP_SYSTEM, "can't remove what is left of group '%s': %s", group,
				why.text[0] ? why.text : shmchan_strerror(rc));
	out->segments = (unsigned)rc;
	return 0;
}
