#include "supervisor/fate.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include "supervisor/proc_stat.h"

// linux/pidfd.h of Linux 6.15; libc's headers are older than the kernel this may run on.
struct pidfd_info {
	uint64_t mask, cgroupid;
	uint32_t ids[11];
	int32_t exit_code;
};
_Static_assert(sizeof(struct pidfd_info) == 64, "the first version of the kernel's struct");
#define INFO_EXIT (UINT64_C(1) << 3)
#define GET_INFO _IOWR(0xff, 11, struct pidfd_info)

void fate_fill(siginfo_t *info, int wait_status)
{
	if (WIFEXITED(wait_status)) {
		info->si_code = CLD_EXITED;
		info->si_status = WEXITSTATUS(wait_status);
	} else {
		info->si_code = WCOREDUMP(wait_status) ? CLD_DUMPED : CLD_KILLED;
		info->si_status = WTERMSIG(wait_status);
	}
}

// The kernel keeps it with the pidfd once the process has been reaped.
static bool ask_pidfd(int pidfd, siginfo_t *info)
{
	struct pidfd_info k = {.mask = INFO_EXIT};

	if (ioctl(pidfd, GET_INFO, &k) || !(k.mask & INFO_EXIT))
		return false;
	fate_fill(info, k.exit_code);
	return true;
}

// Before that /proc has it. As long as a signal can be addressed to it the number is still its own.
static bool ask_zombie(int pidfd, pid_t pid, siginfo_t *info)
{
	struct proc_stat s;

	if (!proc_stat_read(pid, &s) || s.state != 'Z' || pidfd_send_signal(pidfd, 0, NULL, 0))
		return false;
	fate_fill(info, s.wait_status);
	return true;
}

bool fate_of(int pidfd, pid_t pid, siginfo_t *info)
{
	struct pollfd p = {pidfd, POLLIN, 0};

	*info = (siginfo_t){0};
	if (waitid(P_PIDFD, (id_t)pidfd, info, WEXITED | WNOHANG | WNOWAIT) == 0)
		return info->si_pid != 0;
	if (errno != ECHILD || poll(&p, 1, 0) != 1)
		return false;
	*info = (siginfo_t){.si_pid = pid};
	// Reaped between the two: then the first of them knows.
	if (!ask_pidfd(pidfd, info) && !ask_zombie(pidfd, pid, info))
		ask_pidfd(pidfd, info);
	return true;
}
