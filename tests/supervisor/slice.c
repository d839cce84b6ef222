#include "supervisor/slice.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; // runtime of this policy: the slice, 0 where the kernel knows none
	uint32_t util_min, util_max;
};

static struct attr now(void)
{
	struct attr a = {.size = sizeof(a)};

	cr_assert_eq(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0), 0);
	return a;
}

static bool same(const struct attr *a, const struct attr *b)
{
	return a->policy == b->policy && a->flags == b->flags && a->nice == b->nice && a->runtime == b->runtime;
}

Test(slice, is_short_for_this_process_alone)
{
	struct attr before = now(), after, of_child;
	int status;
	pid_t pid;

	slice_shorten();
	slice_shorten();
	after = now();
	cr_assert_eq(after.policy, SCHED_OTHER);
	cr_assert_eq(after.nice, before.nice);
	if (before.runtime)
		cr_assert_lt(after.runtime, before.runtime);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		of_child = now();
		_exit(same(&of_child, &before) ? 0 : 1);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0, "what it starts has what it had");
}

Test(slice, who_has_another_policy_keeps_it)
{
	struct attr before, after;

	cr_assert_eq(sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0}), 0);
	before = now();
	slice_shorten();
	after = now();
	cr_assert(same(&before, &after));
}

// Its services are to have that weight too.
Test(slice, who_has_more_weight_keeps_it)
{
	struct attr before, after;

	if (setpriority(PRIO_PROCESS, 0, -3))
		cr_skip_test("only root may");
	before = now();
	slice_shorten();
	after = now();
	cr_assert(same(&before, &after));
}
