#include "supervisor/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const strict_calls[] = {
	// memory
	"brk", "madvise", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "msync",
	"munlock", "munlockall", "munmap",
	// files that are there
	"access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
	"fcntl", "fstat", "fstatfs", "getcwd", "getdents64", "lseek", "lstat", "newfstatat", "pread64",
	"preadv", "preadv2", "read", "readahead", "readlink", "readlinkat", "readv", "stat", "statfs",
	"statx", "write", "writev",
	// waiting
	"clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create1", "epoll_ctl", "epoll_pwait",
	"epoll_pwait2", "epoll_wait", "eventfd2", "futex", "futex_waitv", "getitimer", "gettimeofday",
	"membarrier", "nanosleep", "pause", "pipe2", "poll", "ppoll", "pselect6", "restart_syscall", "select",
	"setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
	"timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
	// signals
	"kill", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
	"rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "sigaltstack", "signalfd4", "tgkill",
	"tkill",
	// what it is
	"arch_prctl", "capget", "get_robust_list", "getcpu", "getegid", "geteuid", "getgid", "getgroups",
	"getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom", "getresgid", "getresuid",
	"getrlimit", "getrusage", "getsid", "gettid", "getuid", "prctl", "prlimit64", "rseq",
	"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_setaffinity", "sched_yield", "set_robust_list", "set_tid_address",
	"sysinfo", "times", "umask", "uname",
	// ending
	"exit", "exit_group",
	// its notify socket
	"connect", "getsockname", "getsockopt", "sendmsg", "sendto", "shutdown", NULL};

static const char *const more_calls[] = {
	// files
	"chdir", "chmod", "chown", "copy_file_range", "creat", "fallocate", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fchown", "fchownat", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr",
	"fsetxattr", "fsync", "ftruncate", "futimesat", "getxattr", "inotify_add_watch", "inotify_init",
	"inotify_init1", "inotify_rm_watch", "lchown", "lgetxattr", "link", "linkat", "listxattr",
	"llistxattr", "lremovexattr", "lsetxattr", "mkdir", "mkdirat", "mknod", "mknodat", "open", "openat",
	"openat2", "pipe", "pwrite64", "pwritev", "pwritev2", "removexattr", "rename", "renameat",
	"renameat2", "rmdir", "sendfile", "setxattr", "splice", "symlink", "symlinkat", "sync",
	"sync_file_range", "syncfs", "tee", "truncate", "unlink", "unlinkat", "utime", "utimensat", "utimes",
	"vmsplice", "memfd_create",
	// processes
	"execve", "execveat", "fork", "vfork", "wait4", "waitid", "setpgid", "setsid", "pidfd_open",
	"pidfd_send_signal", "setpriority", "setrlimit", "capset", "ioprio_get", "ioprio_set",
	"sched_setparam", "sched_setscheduler", "sched_getattr", "sched_setattr", "sched_rr_get_interval",
	"alarm", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp",
	"setuid", "setgid", "setresuid", "setresgid", "setreuid", "setregid", "setgroups", "setfsuid",
	"setfsgid",
	// network and asynchronous work
	"socket", "socketpair", "bind", "listen", "accept", "accept4", "getpeername", "setsockopt",
	"recvfrom", "recvmsg", "recvmmsg", "sendmmsg", "epoll_create", "eventfd", "signalfd", "io_cancel",
	"io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "io_uring_setup",
	"io_uring_enter", "io_uring_register", "futex_wait", "futex_wake", "futex_requeue",
	// memory
	"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node", "map_shadow_stack",
	"memfd_secret", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise", "process_mrelease",
	"remap_file_pages", "shmat", "shmctl", "shmdt", "shmget", "semctl", "semget", "semop", "semtimedop",
	"msgctl", "msgget", "msgrcv", "msgsnd", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedsend", "mq_unlink", NULL};

const char *const *filter_calls(enum topo_seccomp level)
{
	return level == TOPO_SECCOMP_STRICT ? strict_calls : more_calls;
}

// A call that this libseccomp, or this machine, does not know is one that nobody can make here.
static int allow(scmp_filter_ctx ctx, const char *const *names)
{
	for (; *names; names++) {
		int nr = seccomp_syscall_resolve_name(*names), rc;

		if (nr == __NR_SCMP_ERROR || nr < 0)
			continue;
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
		if (rc)
			return rc;
	}
	return 0;
}

#define NAMESPACES                                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
	 CLONE_NEWNET)

// clone3's flags are behind a pointer, which no filter can follow: without it the C library uses clone.
static int rules_of_default(scmp_filter_ctx ctx)
{
	int rc = allow(ctx, more_calls);

	rc = rc ? rc
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES, 0));
	// Types into the terminal of whoever looks at it.
	return rc ? rc
		  : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_NE, TIOCSTI, 0));
}

#define READS_ONLY(arg) \
	SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC | __O_TMPFILE, O_RDONLY)

static int rules_of_strict(scmp_filter_ctx ctx, const char *path)
{
	int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(execve), 1,
				  SCMP_A0_64(SCMP_CMP_EQ, (uintptr_t)path, 0));

	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, READS_ONLY(1));
	rc = rc ? rc : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, READS_ONLY(2));
	rc = rc ? rc
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				   SCMP_A0(SCMP_CMP_MASKED_EQ, NAMESPACES | CLONE_THREAD, CLONE_THREAD));
	rc = rc ? rc
		: seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
				   SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_DGRAM));
	// What the standard streams ask of a terminal.
	return rc ? rc
		  : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, TCGETS, 0));
}

static scmp_filter_ctx make_rules(enum topo_seccomp level, const char *path, int *rc)
{
	bool strict = level == TOPO_SECCOMP_STRICT;
	scmp_filter_ctx ctx = seccomp_init(strict ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(EPERM));

	if (!ctx) {
		*rc = -ENOMEM;
		return NULL;
	}
	// A tree instead of a list: some ten comparisons for a call instead of hundreds.
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	*rc = allow(ctx, strict_calls);
	*rc = *rc ? *rc : strict ? rules_of_strict(ctx, path) : rules_of_default(ctx);
	*rc = *rc ? *rc : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return ctx;
}

static int export(struct filter *out, scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), rc;
	struct stat st;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(ctx, fd);
	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (!rc && !(out->memory = malloc((size_t)st.st_size)))
		rc = -ENOMEM;
	if (!rc && pread(fd, out->memory, (size_t)st.st_size, 0) != st.st_size)
		rc = -EIO;
	if (!rc)
		out->prog = (struct sock_fprog){
			(unsigned short)((size_t)st.st_size / sizeof(struct sock_filter)), out->memory};
	close(fd);
	return rc;
}

int filter_make(struct filter *out, enum topo_seccomp level, struct fail *fail)
{
	scmp_filter_ctx ctx;
	int rc;

	*out = (struct filter){.prog = {0, NULL}};
	if (level == TOPO_SECCOMP_OFF)
		return 0;
	if (level == TOPO_SECCOMP_STRICT) {
		out->path = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (out->path == MAP_FAILED) {
			out->path = NULL;
			return fail_set(fail, SUP_SYSTEM, "no memory for a filter of system calls");
		}
	}
	ctx = make_rules(level, out->path, &rc);
	if (!rc)
		rc = export(out, ctx);
	seccomp_release(ctx);
	if (!rc)
		return 0;
	filter_free(out);
	return fail_set(fail, SUP_SYSTEM, "can't make a filter of system calls: %s", strerror(-rc));
}

void filter_free(struct filter *f)
{
	free(f->memory);
	if (f->path)
		munmap(f->path, PATH_MAX);
	*f = (struct filter){.prog = {0, NULL}};
}
