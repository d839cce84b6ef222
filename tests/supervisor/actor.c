// The services that the supervisor's tests start: each role is one way to behave, well or badly.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/ctl.h"
#include "shmchan/seg.h"
#include "tests/supervisor/act.h"

#define CHANNEL_MAX 16

// Sends messages 0 .. cnt-1 to requests-1 .. requests-n, each once whatever happens to this process.
static int feed(unsigned cnt, unsigned channel_cnt)
{
	struct shmchan *out[CHANNEL_MAX], *answers;
	struct shmchan_stat stat;
	char name[SHMCHAN_NAME_MAX];
	uint64_t sent = 0;

	attach();
	for (unsigned i = 0; i < channel_cnt && i < CHANNEL_MAX; i++) {
		snprintf(name, sizeof(name), "requests-%u", i + 1);
		out[i] = open_end(name, SHMCHAN_TX);
		shmchan_stat(out[i], &stat);
		sent += stat.enqueued;
	}
	answers = open_end("answers", SHMCHAN_TX);
	shmchan_ready(me);
	while (sent < cnt && !ended) {
		struct shmchan_msg m = {
			.corr = sent + 1, .reply = shmchan_id(answers), .data = &sent, .len = sizeof(sent)};

		if (shmchan_send(out[sent % channel_cnt], &m, WAIT_NS) == 0)
			sent++;
	}
	return ended != 0;
}

static int echo(const char *name)
{
	attach();
	answer_all(name);
	return 0;
}

// Takes what comes; the first byte of a message says what to do with it.
static int obey(const char *name)
{
	struct shmchan *in;
	struct shmchan_msg m;

	attach();
	in = open_end(name, SHMCHAN_RX);
	shmchan_ready(me);
	while (!ended) {
		if (shmchan_recv(in, &m, WAIT_NS))
			continue;
		switch (m.len ? *(const char *)m.data : 0) {
		case 'c': // crashes
			abort();
		case 'h': // hangs
			for (;;)
				pause();
		case 'w': // works for long, with signs of life
			for (unsigned i = 0; i < 40 && !ended; i++) {
				struct timespec t = {0, 10000000};

				nanosleep(&t, NULL);
				shmchan_beat(me);
			}
		}
		shmchan_done(in);
	}
	return 0;
}

// Sends messages without an end.
static int pump(const char *name)
{
	struct shmchan_msg m = {.data = "fine", .len = 4};
	struct shmchan *out;

	attach();
	out = open_end(name, SHMCHAN_TX);
	shmchan_ready(me);
	while (!ended)
		shmchan_send(out, &m, WAIT_NS);
	return 0;
}

// Sends each argument as a message, then idles.
static int send_all(const char *name, char **texts)
{
	struct shmchan *out;

	attach();
	out = open_end(name, SHMCHAN_TX);
	shmchan_ready(me);
	for (; *texts && shmchan_self(me) >> 12 == 1 && !ended; texts++) {
		struct shmchan_msg m = {.corr = 77, .type = 5, .data = *texts, .len = (uint32_t)strlen(*texts)};

		while (shmchan_send(out, &m, WAIT_NS) && !ended)
			;
	}
	while (!ended)
		pause();
	return 0;
}

static int count(unsigned cnt)
{
	struct shmchan *in;
	struct shmchan_stat stat;
	struct shmchan_msg m;

	attach();
	in = open_end("answers", SHMCHAN_RX);
	shmchan_ready(me);
	for (;;) {
		shmchan_stat(in, &stat);
		if (shmchan_tally_get(in, 0) + shmchan_tally_get(in, 1) + stat.dead >= cnt)
			return 0;
		if (ended)
			return 1;
		if (shmchan_recv(in, &m, WAIT_NS))
			continue;
		shmchan_tally_add(in, m.status == SHMCHAN_PEER_DIED, 1);
		shmchan_done(in);
	}
}

static int wait_for_term(void)
{
	sigset_t none;

	sigemptyset(&none);
	while (!ended)
		sigsuspend(&none);
	return 0;
}

static void block_term(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int idle(void)
{
	block_term();
	attach();
	shmchan_ready(me);
	return wait_for_term();
}

static _Noreturn void stubborn(void)
{
	attach();
	signal(SIGTERM, SIG_IGN);
	shmchan_ready(me);
	for (;;)
		pause();
}

static int mute(void)
{
	block_term();
	attach();
	return wait_for_term();
}

// Ends with `status` when there is a file of that name.
static int when(const char *file, unsigned status)
{
	struct timespec look = {0, 2000000};

	attach();
	shmchan_ready(me);
	while (!ended && access(file, F_OK))
		nanosleep(&look, NULL);
	return ended ? 0 : (int)status;
}

// A child that nobody told about the end, and its pid for the test to look at.
static int parent(const char *file)
{
	FILE *f;
	pid_t child;

	block_term();
	attach();
	child = fork();
	if (child == 0) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	f = fopen(file, "we");
	if (!f || child < 0)
		return 1;
	fprintf(f, "%d\n", (int)child);
	fclose(f);
	shmchan_ready(me);
	return wait_for_term();
}

static void datagram(int to, const char *text, int pass)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct iovec iov = {(char *)text, strlen(text)};
	struct msghdr h = {&addr, sizeof(addr), &iov, 1, control, pass < 0 ? 0 : sizeof(control), 0};
	struct cmsghdr *c = (struct cmsghdr *)control;

	strncpy(addr.sun_path, getenv("NOTIFY_SOCKET"), sizeof(addr.sun_path) - 1);
	*c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(c), &pass, sizeof(pass));
	if (sendmsg(to, &h, 0) < 0)
		_exit(1);
}

// Says STATUS=text in sd_notify's protocol, from a child: the supervisor must know whose child it is. Like systemd-notify the child stays until
// it is heard: the supervisor closes what comes with BARRIER=1.
static _Noreturn void say_as_child(const char *text)
{
	int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), barrier[2];
	char line[300];

	snprintf(line, sizeof(line), "STATUS=%s\nUNKNOWN=1", text);
	datagram(to, line, -1);
	if (pipe(barrier))
		_exit(1);
	datagram(to, "BARRIER=1", barrier[1]);
	close(barrier[1]);
	_exit(read(barrier[0], line, 1) != 0);
}

// A service that knows sd_notify's protocol and nothing of channels: says WATCHDOG=1 as often as it is asked to, until there is a file of
// that name; then it is silent.
static int watched(const char *file)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct timespec t = {0, 0};

	catch_term();
	if (!usec || !pid || atoi(pid) != getpid())
		return 2;
	t.tv_nsec = atol(usec) * 1000 / 4;
	datagram(to, "READY=1", -1);
	while (!ended && access(file, F_OK)) {
		datagram(to, "WATCHDOG=1", -1);
		nanosleep(&t, NULL);
	}
	while (!ended)
		pause();
	return 0;
}

static int says(const char *text)
{
	pid_t child;

	block_term();
	attach();
	shmchan_ready(me);
	child = fork();
	if (child == 0)
		say_as_child(text);
	waitpid(child, NULL, 0);
	return wait_for_term();
}

// Writes its name when it begins and when it ends, for the test of the order.
static int order(const char *name)
{
	printf("up %s\n", name);
	fflush(stdout);
	idle();
	printf("down %s\n", name);
	return 0;
}

// Has memory, of its own and shared, that the kernel takes long to take down.
static int big(unsigned mib)
{
	size_t size = (size_t)mib << 20;

	for (int i = 0; i < 2; i++) {
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, (i ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED)
			return 1;
		memset(p, 1, size);
	}
	return idle();
}

// Says all the time that its threads are dead, and wakes who listens.
static int liar(void)
{
	uint32_t words[] = {FUTEX_OWNER_DIED, FUTEX_OWNER_DIED | FUTEX_WAITERS, 0, 1, UINT32_MAX, FUTEX_TID_MASK};
	struct shmchan_ctl_ref c;
	struct shmchan_seg seg;

	attach();
	if (shmchan_seg_open(&seg, getenv("SHMCHAN_GROUP"), NULL, true, NULL) ||
	    shmchan_ctl_join(&c, seg.base, seg.size, NULL))
		return 1;
	shmchan_ready(me);
	for (unsigned n = 0; !ended; n++)
		for (unsigned i = 0; i < SHMCHAN_PULSE_WORDS; i++) {
			shmchan_pulse_word *w =
				shmchan_pulse_at(shmchan_ctl_pulse(&c, number(getenv("SHMCHAN_SLOT"))), i);

			// All the same for a while: then all say that they are dead.
			atomic_store(w, words[n / 16 % (sizeof(words) / sizeof(words[0]))]);
			syscall(SYS_futex, w, FUTEX_WAKE, 1, NULL, NULL, 0);
		}
	return 0;
}

// Its first thread, which alone attached, ends; another goes on.
static void *goes_on(void *arg)
{
	shmchan_ready(me);
	exit(wait_for_term());
}

static int headless(void)
{
	pthread_t t;

	block_term();
	attach();
	if (pthread_create(&t, NULL, goes_on, NULL))
		return 1;
	pthread_exit(NULL);
}

static void *nothing(void *arg)
{
	return arg;
}

static long try_thread(void)
{
	pthread_t t;

	if (pthread_create(&t, NULL, nothing, NULL))
		return -1;
	return pthread_join(t, NULL);
}

static long try_fork(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0 ? -1 : waitpid(child, NULL, 0);
}

// A call that a filter is about, for the test to see what came of it.
static int tries(const char *call)
{
	char *const none[] = {"/bin/echo", "execve: ok", NULL};
	struct iovec iov = {&iov, 1};
	struct timespec now = {0, 0};
	const struct {
		const char *name;
		long nr, a, b, c;
	} calls[] = {{"mount", SYS_mount, (long)"/", (long)"/", (long)"tmpfs"},
		     {"unshare", SYS_unshare, CLONE_NEWUTS, 0, 0},
		     {"clone_newuser", SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0},
		     {"ptrace", SYS_ptrace, PTRACE_TRACEME, 0, 0},
		     {"bpf", SYS_bpf, 0, 0, 0},
		     {"keyctl", SYS_keyctl, 0, 0, 0},
		     {"clock_settime", SYS_clock_settime, CLOCK_REALTIME, (long)&now, 0},
		     {"module", SYS_finit_module, -1, (long)"", 0},
		     {"reboot", SYS_reboot, 0, 0, 0},
		     {"chroot", SYS_chroot, (long)"/", 0, 0},
		     {"tiocsti", SYS_ioctl, 0, TIOCSTI, (long)"x"},
		     {"process_vm_readv", SYS_process_vm_readv, getppid(), (long)&iov, 1},
		     {"inet", SYS_socket, AF_INET, SOCK_STREAM, 0},
		     {"create", SYS_memfd_create, (long)"x", 0, 0},
		     {"uring", SYS_io_uring_setup, 0, 0, 0},
		     {"execve", SYS_execve, (long)none[0], (long)none, 0}};
	long rc = 0;

	attach();
	shmchan_ready(me);
	errno = 0;
	if (strcmp(call, "thread") == 0)
		rc = try_thread();
	if (strcmp(call, "fork") == 0)
		rc = try_fork();
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(call, calls[i].name) == 0)
			rc = syscall(calls[i].nr, calls[i].a, calls[i].b, calls[i].c, 0, 0);
	// That the kernel did not like the arguments says that the filter let the call through.
	printf("%s: %s\n", call, rc >= 0 || errno != EPERM ? "ok" : strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : NULL;

	if (strcmp(role, "feed") == 0)
		return feed(number(arg), number(argv[3]));
	if (strcmp(role, "echo") == 0)
		return echo(arg);
	if (strcmp(role, "obey") == 0)
		return obey(arg);
	if (strcmp(role, "pump") == 0)
		return pump(arg);
	if (strcmp(role, "send") == 0)
		return send_all(arg, argv + 3);
	if (strcmp(role, "count") == 0)
		return count(number(arg));
	if (strcmp(role, "idle") == 0)
		return idle();
	if (strcmp(role, "big") == 0)
		return big(number(arg));
	if (strcmp(role, "liar") == 0)
		return liar();
	if (strcmp(role, "headless") == 0)
		return headless();
	if (strcmp(role, "stubborn") == 0)
		stubborn();
	if (strcmp(role, "mute") == 0)
		return mute();
	if (strcmp(role, "parent") == 0)
		return parent(arg);
	if (strcmp(role, "watched") == 0)
		return watched(arg);
	if (strcmp(role, "says") == 0)
		return says(arg);
	if (strcmp(role, "when") == 0)
		return when(arg, number(argv[3]));
	if (strcmp(role, "order") == 0)
		return order(arg);
	if (strcmp(role, "tries") == 0)
		return tries(arg);
	if (strcmp(role, "exit") == 0)
		return (int)number(arg);
	if (strcmp(role, "raise") == 0)
		return raise((int)number(arg));
	if (strcmp(role, "late") == 0) // fails before it is ready in its first incarnations
		return number(getenv("SHMCHAN_INCARNATION")) < number(arg) ? 1 : idle();
	if (strcmp(role, "ready-exit") == 0) {
		attach();
		shmchan_ready(me);
		return (int)number(arg);
	}
	fprintf(stderr, "actor: unknown role '%s'\n", role);
	return 2;
}
