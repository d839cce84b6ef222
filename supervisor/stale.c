#include "supervisor/stale.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/view.h"
#include "supervisor/loop.h"
#include "supervisor/orphan.h"
#include "supervisor/rundir.h"

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

static uint64_t ms_until(uint64_t end_ns)
{
	uint64_t now = loop_now();

	return end_ns > now ? (end_ns - now) / 1000000 + 1 : 0;
}

// With its children: it leads its process group, whose number is not free while it lives.
static void kill_group(pid_t pid, int pidfd)
{
	if (getpgid(pid) == pid && pidfd_send_signal(pidfd, 0, NULL, 0) == 0)
		kill(-pid, SIGKILL);
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

static unsigned end_confirmed(struct orphans *o, const pid_t *list, unsigned cnt, unsigned grace_ms)
{
	uint64_t grace = loop_now() + grace_ms * UINT64_C(1000000);
	unsigned ended = 0;

	for (unsigned i = 0; i < o->cnt; i++)
		if (o->pidfd[i] >= 0 && !is_listed(o->pid[i], list, cnt)) {
			close(o->pidfd[i]);
			o->pidfd[i] = -1;
		}
	for (unsigned i = 0; grace_ms && i < o->cnt; i++)
		if (o->pidfd[i] >= 0) {
			kill(-o->pid[i], SIGCONT); // a stopped process does not see SIGTERM
			pidfd_send_signal(o->pidfd[i], SIGTERM, NULL, 0);
		}
	for (unsigned i = 0; i < o->cnt; i++) {
		struct pollfd p = {o->pidfd[i], POLLIN, 0};

		if (o->pidfd[i] < 0)
			continue;
		if (!grace_ms || poll(&p, 1, (int)ms_until(grace)) != 1) {
			kill_group(o->pid[i], o->pidfd[i]);
			poll(&p, 1, DEATH_TIMEOUT_MS);
		}
		close(o->pidfd[i]);
		ended++;
	}
	return ended;
}

struct search {
	struct shmchan_view *view;
	unsigned ended;
};

// Started by a supervisor that was killed before it could note the pid.
static bool on_orphan(void *ctx, const struct orphan *o)
{
	struct search *s = ctx;
	struct pollfd p = {o->pidfd, POLLIN, 0};
	struct shmchan_view_proc v;

	if (o->slot < 1 || shmchan_view_proc(s->view, o->slot - 1, &v))
		return false;
	if (o->spare ? o->spare != v.spare || v.spare_pid
		     : v.state != SHMCHAN_PROC_ANNOUNCED || v.incarnation != o->incarnation)
		return false;
	s->ended += o->leads;
	kill_group(o->pid, o->pidfd);
	poll(&p, 1, DEATH_TIMEOUT_MS);
	return false;
}

static unsigned end_unrecorded(const char *group)
{
	struct shmchan_view_group g;
	struct shmchan_view_proc v;
	struct search s = {0};
	bool any = false;

	if (shmchan_view_open(&s.view, group, NULL))
		return 0;
	shmchan_view_group(s.view, &g);
	for (unsigned i = 0; i < g.proc_cnt && !g.broker_alive; i++)
		any |= shmchan_view_proc(s.view, i, &v) == 0 &&
		       (v.state == SHMCHAN_PROC_ANNOUNCED || (v.spare && !v.spare_pid));
	if (any)
		orphan_each(group, on_orphan, &s);
	shmchan_view_close(s.view);
	return s.ended;
}

int stale_remove(const char *group, unsigned grace_ms, struct stale_found *out, struct fail *fail)
{
	static struct orphans o; // 8 KiB, and only ever one caller
	pid_t again[SHMCHAN_SLOT_MAX];
	struct shmchan_why why = {0};
	int rc = 0;

	*out = (struct stale_found){.orphans = end_unrecorded(group)};
	for (int round = 0; round < ROUNDS; round++) {
		unsigned cnt = SHMCHAN_SLOT_MAX;

		o.cnt = SHMCHAN_SLOT_MAX;
		rc = shmchan_group_remove_stale(group, o.pid, &o.cnt, &why);
		if (rc != SHMCHAN_ESTALE)
			break;
		o.cnt = o.cnt < SHMCHAN_SLOT_MAX ? o.cnt : SHMCHAN_SLOT_MAX;
		open_all(&o);
		rc = shmchan_group_remove_stale(group, again, &cnt, &why);
		out->orphans += end_confirmed(&o, again, rc == SHMCHAN_ESTALE ? cnt : 0, grace_ms);
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

int stale_stop(const char *group, unsigned grace_ms, struct stale_found *out, struct fail *fail)
{
	static const char *const files[] = {"sock", "notify", "state"};
	char path[RUNDIR_PATH_MAX];
	int lock, rc;

	if (rundir_make(fail) || (lock = rundir_lock(group, 0, fail)) < 0)
		return -1;
	rc = stale_remove(group, grace_ms, out, fail);
	for (unsigned i = 0; !rc && i < sizeof(files) / sizeof(files[0]); i++)
		if (rundir_socket(path, group, files[i], fail) == 0 && unlink(path) == 0)
			out->files++;
	rundir_unlock(group, lock);
	return rc;
}
