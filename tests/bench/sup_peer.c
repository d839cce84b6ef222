#include "tests/bench/sup_peer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROOTS_MAX 32

extern char **environ;

static char shmsup[512], worker[512];
static pid_t roots[ROOTS_MAX]; // children of ours that are no one's leftovers

volatile sig_atomic_t sup_stopped;

static void on_signal(int sig)
{
	sup_stopped = sig;
}

uint64_t sup_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool failed(const struct sup_run *r, const char *what)
{
	fprintf(stderr, "sup: %s: can't %s: %m; left out of this row\n", r->peer->name, what);
	return false;
}

static void note_root(pid_t was, pid_t is)
{
	for (unsigned i = 0; i < ROOTS_MAX; i++)
		if (roots[i] == was) {
			roots[i] = is;
			return;
		}
}

// ------------------------------------------------------------------------------------------------- its files

static bool put(const struct sup_run *r, const char *name, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		return failed(r, "write what it is started from");
	return true;
}

static bool make_page(struct sup_run *r)
{
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/page", r->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*r->page)) != 0)
		return failed(r, "make the file that its services write to");
	r->page = mmap(NULL, sizeof(*r->page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	close(fd);
	return r->page != MAP_FAILED || failed(r, "map the file that its services write to");
}

// A folder per service, as s6, runit and daemontools want it, with the program itself in the place of a script.
static bool make_folders(struct sup_run *r, const char *ready)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/scan", r->dir);
	if (mkdir(path, 0755) != 0)
		return failed(r, "make a folder");
	for (unsigned i = 1; i <= r->cnt; i++) {
		snprintf(path, sizeof(path), "%s/scan/svc-%u", r->dir, i);
		if (mkdir(path, 0755) != 0)
			return failed(r, "make a folder");
		snprintf(path, sizeof(path), "%s/scan/svc-%u/run", r->dir, i);
		if (symlink(r->worker, path) != 0)
			return failed(r, "make a link");
		snprintf(path, sizeof(path), "scan/svc-%u/notification-fd", i);
		if (ready && !put(r, path, ready))
			return false;
	}
	return true;
}

// -------------------------------------------------------------------------------------------------- its start

static char **environment(const struct sup_run *r)
{
	static char page[100], mode[40], notify[100];
	unsigned n = 0, i = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 5, sizeof(*env));
	for (n = 0; env && environ[n]; n++)
		if (strncmp(environ[n], "NOTIFY_SOCKET=", 14) != 0)
			env[i++] = environ[n];
	if (!env)
		return NULL;
	snprintf(page, sizeof(page), "SUP_PAGE=%s/page", r->dir);
	snprintf(mode, sizeof(mode), "SUP_MODE=%s", r->mode);
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s/notify", r->dir);
	env[i++] = page;
	env[i++] = mode;
	env[i++] = notify;
	env[i] = (char *)r->peer->var;
	return env;
}

static bool run_program(struct sup_run *r, const char *program, const char *const *argv)
{
	posix_spawn_file_actions_t files;
	char **env = environment(r), log[200];
	int err = env ? posix_spawn_file_actions_init(&files) : ENOMEM;

	snprintf(log, sizeof(log), "%s/log", r->dir);
	if (!err) {
		posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		posix_spawn_file_actions_adddup2(&files, 1, 2);
		err = posix_spawnp(&r->pid, program, &files, NULL, (char *const *)argv, env);
		posix_spawn_file_actions_destroy(&files);
	}
	free(env);
	errno = err;
	return !err || failed(r, "start it");
}

// The floor: what a supervisor can't do without, and nothing else.
static bool spawn_bare(const struct sup_run *r, const posix_spawnattr_t *attr, unsigned number, char **env,
		       struct pollfd *p, pid_t *pid)
{
	char text[12], *argv[] = {(char *)r->worker, text, NULL};

	snprintf(text, sizeof(text), "%u", number);
	if (posix_spawn(pid, r->worker, NULL, attr, argv, env))
		return false;
	*p = (struct pollfd){(int)syscall(SYS_pidfd_open, *pid, 0), POLLIN, 0};
	return p->fd >= 0;
}

static void bare_loop(const struct sup_run *r, short flags)
{
	static struct pollfd p[SUP_SERVICES];
	static pid_t pid[SUP_SERVICES];
	char **env = environment(r);
	posix_spawnattr_t attr;
	siginfo_t info;

	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, flags);
	for (unsigned i = 0; i < r->cnt; i++)
		if (!spawn_bare(r, &attr, i + 1, env, &p[i], &pid[i]))
			return;
	while (poll(p, r->cnt, -1) > 0)
		for (unsigned i = 0; i < r->cnt; i++) {
			if (!p[i].revents)
				continue;
			waitid(P_PIDFD, (id_t)p[i].fd, &info, WEXITED);
			close(p[i].fd);
			if (!spawn_bare(r, &attr, i + 1, env, &p[i], &pid[i]))
				return;
		}
}

static bool start_bare(struct sup_run *r, short flags)
{
	fflush(NULL);
	r->pid = fork();
	if (r->pid == 0) {
		bare_loop(r, flags);
		_exit(1);
	}
	return r->pid > 0 || failed(r, "start it");
}

static bool start_floor(struct sup_run *r)
{
	return start_bare(r, 0);
}

// The same with setsid for each service, as shmsup and s6 do. Where the kernel groups processes accordingly (sched_autogroup), who
// calls it goes to the end of the line for the processor.
static bool start_floor_setsid(struct sup_run *r)
{
	return start_bare(r, POSIX_SPAWN_SETSID);
}

// Each service has a queue to it and one from it, as services have.
static bool start_shmsup(struct sup_run *r)
{
	const char *name = strrchr(r->dir, '/') + 1;
	char text[2048], path[200];
	const char *argv[] = {"shmsup", "run", path, "--name", name, NULL};

	snprintf(path, sizeof(path), "%s/t.yaml", r->dir);
	snprintf(text, sizeof(text),
		 "group: bench\n"
		 "services:\n"
		 "  - {name: peer, command: %s, args: [\"%u\", stay]}\n"
		 "  - {name: svc, replicas: %u, command: %s, args: [\"${replica}\"]}\n"
		 "channels:\n"
		 "  - {name: to, each: svc, kind: spsc, capacity: 64, message_size: 64, producers: [peer], "
		 "consumers: [\"svc-${replica}\"]}\n"
		 "  - {name: from, each: svc, kind: mpsc, capacity: 64, message_size: 64, "
		 "producers: [\"svc-${replica}\"], consumers: [peer]}\n",
		 r->worker, r->cnt + 1, r->cnt, r->worker);
	return put(r, "t.yaml", text) && run_program(r, shmsup, argv);
}

static bool start_s6(struct sup_run *r)
{
	char scan[200];
	const char *argv[] = {"s6-svscan", scan, NULL};

	snprintf(scan, sizeof(scan), "%s/scan", r->dir);
	return make_folders(r, "3\n") && run_program(r, r->peer->program, argv);
}

static bool start_scan(struct sup_run *r)
{
	char scan[200];
	const char *argv[] = {r->peer->program, scan, NULL};

	snprintf(scan, sizeof(scan), "%s/scan", r->dir);
	return make_folders(r, NULL) && run_program(r, r->peer->program, argv);
}

static bool start_supervisord(struct sup_run *r)
{
	char text[2048], path[200];
	const char *argv[] = {"supervisord", "-n", "-c", path, NULL};

	snprintf(path, sizeof(path), "%s/conf", r->dir);
	snprintf(
		text, sizeof(text),
		"[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile=%s/pid\n"
		"childlogdir=%s\n"
		"[program:svc]\ncommand=%s %%(process_num)d\nprocess_name=svc-%%(process_num)d\nnumprocs=%u\n"
		"numprocs_start=1\nautorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
		r->dir, r->dir, r->worker, r->cnt);
	return put(r, "conf", text) && run_program(r, "supervisord", argv);
}

static bool start_erlang(struct sup_run *r)
{
	char text[2048];
	const char *argv[] = {"erl", "-noinput", "-noshell", "-eval", text, NULL};

	snprintf(text, sizeof(text),
		 "F = fun F(N) -> P = open_port({spawn_executable, \"%s\"}, [{args, [integer_to_list(N)]}, "
		 "exit_status]), "
		 "receive {P, {exit_status, _}} -> F(N) end end, "
		 "[spawn(fun() -> F(N) end) || N <- lists:seq(1, %u)].",
		 r->worker, r->cnt);
	return run_program(r, "erl", argv);
}

// ---------------------------------------------------------------------------------------------------- its end

static pid_t parent_of(const char *pid)
{
	char path[300], text[600], *p;
	int parent = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	p = strrchr(text, ')');
	return p && sscanf(p, ") %*c %d", &parent) == 1 ? parent : 0;
}

static bool is_root(pid_t pid)
{
	for (unsigned i = 0; i < ROOTS_MAX; i++)
		if (roots[i] == pid)
			return true;
	return false;
}

// Orphans of who was ended have come to us; those they leave come next.
static void end_orphans(void)
{
	bool any;

	do {
		DIR *d = opendir("/proc");
		struct dirent *e;

		any = false;
		while (d && (e = readdir(d))) {
			pid_t pid = atoi(e->d_name);

			if (pid <= 0 || parent_of(e->d_name) != getpid() || is_root(pid))
				continue;
			any = true;
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
		}
		if (d)
			closedir(d);
	} while (any);
}

static void end_in_order(struct sup_run *r)
{
	kill(r->pid, SIGTERM);
}

static void end_at_once(struct sup_run *r)
{
	kill(r->pid, SIGKILL);
}

static void remove_folder(const char *dir)
{
	const char *argv[] = {"rm", "-rf", dir, NULL};
	pid_t pid;

	if (posix_spawnp(&pid, "rm", NULL, NULL, (char *const *)argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

void sup_end(struct sup_run *r)
{
	if (r->pid > 0) {
		(r->peer->end ? r->peer->end : end_at_once)(r);
		while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
			;
		note_root(r->pid, 0);
		end_orphans();
	}
	if (r->page && r->page != MAP_FAILED)
		munmap(r->page, sizeof(*r->page));
	if (r->notify >= 0)
		close(r->notify);
	remove_folder(r->dir);
	r->pid = 0;
	r->page = NULL;
}

// ------------------------------------------------------------------------------------------------------ all

const struct sup_peer sup_peers[] = {
	{"floor-pidfd-spawn", NULL, NULL, start_floor, NULL, NULL},
	{"floor-with-setsid", NULL, NULL, start_floor_setsid, NULL, NULL},
	{"shmsup", NULL, NULL, start_shmsup, end_in_order, NULL},
	{"s6", "s6-svscan", "s6", start_s6, NULL, "SUP_READY_FD=3"},
	{"runit", "runsvdir", "runit", start_scan, NULL, NULL},
	{"daemontools", "svscan", "daemontools", start_scan, NULL, NULL},
	{"supervisord", "supervisord", "supervisor", start_supervisord, NULL, NULL},
	{"erlang-port", "erl", "erlang-base", start_erlang, NULL, NULL},
};
const unsigned sup_peer_cnt = sizeof(sup_peers) / sizeof(sup_peers[0]);

bool sup_init(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	char folder[400];
	ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

	while (n > 0 && folder[n - 1] != '/')
		n--;
	if (n <= 0)
		return false;
	folder[n] = 0;
	snprintf(worker, sizeof(worker), "%ssup-worker", folder);
	snprintf(shmsup, sizeof(shmsup), "%s../bin/shmsup", folder);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	return access(worker, X_OK) == 0 && access(shmsup, X_OK) == 0;
}

bool sup_missing(const struct sup_peer *p)
{
	const char *path = getenv("PATH");
	char file[512];

	if (!p->program)
		return false;
	for (path = path ? path : ""; *path; path += strcspn(path, ":"), path += *path == ':') {
		snprintf(file, sizeof(file), "%.*s/%s", (int)strcspn(path, ":"), path, p->program);
		if (access(file, X_OK) == 0)
			return false;
	}
	return true;
}

static bool open_notify(struct sup_run *r)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/notify", r->dir);
	r->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return (r->notify >= 0 && bind(r->notify, (struct sockaddr *)&addr, sizeof(addr)) == 0) ||
	       failed(r, "make a socket for READY=1");
}

bool sup_start(struct sup_run *r, const struct sup_peer *p, unsigned cnt, const char *mode)
{
	*r = (struct sup_run){.peer = p, .cnt = cnt, .mode = mode, .notify = -1};
	if (sup_stopped)
		return false;
	snprintf(r->worker, sizeof(r->worker), "%s", worker);
	snprintf(r->dir, sizeof(r->dir), "/tmp/sup-XXXXXX");
	if (!mkdtemp(r->dir))
		return failed(r, "make a folder");
	if (!make_page(r) || !open_notify(r)) {
		sup_end(r);
		return false;
	}
	r->begin_ns = sup_now();
	if (!p->start(r)) {
		r->pid = 0;
		sup_end(r);
		return false;
	}
	note_root(0, r->pid);
	return true;
}

pid_t sup_spin(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		for (signal(SIGTERM, SIG_DFL), signal(SIGINT, SIG_DFL);;)
			;
	if (pid > 0)
		note_root(0, pid);
	return pid;
}

void sup_spare(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	note_root(pid, 0);
}

uint32_t sup_lives(const struct sup_run *r, unsigned number)
{
	// Acquire pairs with the release in write_down() in sup-worker.c.
	return atomic_load_explicit(&r->page->of[number].lives, memory_order_acquire);
}

bool sup_wait(struct sup_run *r, unsigned number, uint32_t lives, uint64_t ns)
{
	uint64_t end = sup_now() + ns;
	uint32_t n;

	while ((n = sup_lives(r, number)) <= lives) {
		uint64_t now = sup_now(), left = end - now;
		struct timespec t = {(time_t)(left / 1000000000), (long)(left % 1000000000)};

		if (now >= end || sup_stopped)
			return false;
		syscall(SYS_futex, &r->page->of[number].lives, FUTEX_WAIT, n, &t, NULL, 0);
	}
	return true;
}

const struct sup_life *sup_life(const struct sup_run *r, unsigned number, uint32_t n)
{
	return &r->page->of[number].life[n % SUP_LIVES];
}

bool sup_ready(struct sup_run *r, uint64_t ns)
{
	uint64_t end = sup_now() + ns;
	char text[400];

	for (uint64_t now; (now = sup_now()) < end && !sup_stopped;) {
		struct pollfd p = {r->notify, POLLIN, 0};
		ssize_t n;

		if (poll(&p, 1, (int)((end - now) / 1000000) + 1) != 1)
			continue;
		n = recv(r->notify, text, sizeof(text) - 1, 0);
		text[n > 0 ? n : 0] = 0;
		if (strstr(text, "READY=1"))
			return true;
	}
	return false;
}
