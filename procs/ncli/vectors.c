/* `ncli vectors`: finds cases, runs them in several processes, so that one that crashes is one that fails. */
#include "procs/ncli/layout.h"
#include "procs/ncli/ncli.h"

#include <errno.h>
#include <fts.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64
#define WHY_MAX 400

enum outcome { WAITING, PASSED, FAILED };

/* One case's outcome, written by the process that took it and read by the parent after that has ended. */
struct result {
	pid_t worker; /* who took it; 0: nobody */
	enum outcome outcome;
	char why[WHY_MAX];
};

/* Shared by the processes: `next` is taken with relaxed additions, as nothing else is published by it. */
struct board {
	atomic_size_t next;
	struct result result[];
};

struct totals {
	size_t passed, failed;
};

static void run_case(struct ncli_case *c, struct result *r)
{
	bool ok;

	c->why[0] = 0;
	ok = c->layout->run(c);
	ncli_case_clean(c);
	if (!ok)
		snprintf(r->why, sizeof(r->why), "%s", c->why[0] ? c->why : "fails without a reason");
	r->outcome = ok ? PASSED : FAILED;
}

static _Noreturn void work(struct ncli_cases *cases, struct board *board)
{
	size_t i;

	while ((i = atomic_fetch_add_explicit(&board->next, 1, memory_order_relaxed)) < cases->n) {
		board->result[i].worker = getpid();
		run_case(&cases->item[i], &board->result[i]);
	}
	_exit(0);
}

static pid_t start_worker(struct ncli_cases *cases, struct board *board)
{
	pid_t pid = fork();

	if (pid == 0)
		work(cases, board);
	return pid;
}

/* The case that a dead worker was at has failed. */
static void bury(struct ncli_cases *cases, struct board *board, pid_t pid, int status)
{
	for (size_t i = 0; i < cases->n; i++) {
		struct result *r = &board->result[i];

		if (r->worker != pid || r->outcome != WAITING)
			continue;
		r->outcome = FAILED;
		if (WIFSIGNALED(status))
			snprintf(r->why, sizeof(r->why), "killed by signal %d (%s)", WTERMSIG(status),
				 strsignal(WTERMSIG(status)));
		else
			snprintf(r->why, sizeof(r->why), "ended with status %d", WEXITSTATUS(status));
	}
}

static int run_all(struct ncli_cases *cases, struct board *board, size_t jobs)
{
	size_t running = 0;
	int status;
	pid_t pid;

	while (running < jobs && running < cases->n && start_worker(cases, board) > 0)
		running++;
	if (!running)
		return -1;
	while (running && (pid = wait(&status)) > 0) {
		running--;
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			continue;
		bury(cases, board, pid, status);
		if (atomic_load_explicit(&board->next, memory_order_relaxed) < cases->n &&
		    start_worker(cases, board) > 0)
			running++;
	}
	return 0;
}

static void report(const struct ncli_cases *cases, struct board *board, struct totals *totals)
{
	char title[600];

	for (size_t i = 0; i < cases->n; i++) {
		const struct result *r = &board->result[i];

		if (r->outcome == PASSED) {
			totals->passed++;
			continue;
		}
		totals->failed++;
		ncli_case_title(&cases->item[i], title, sizeof(title));
		printf("%s: %s\n", title, r->outcome == FAILED ? r->why : "was not run");
	}
	fflush(stdout);
}

/* Only the cases with `match` in their title. */
static void choose(struct ncli_cases *cases, const char *match)
{
	char title[600];
	size_t to = 0;

	for (size_t i = 0; match && i < cases->n; i++) {
		ncli_case_title(&cases->item[i], title, sizeof(title));
		if (strstr(title, match))
			cases->item[to++] = cases->item[i];
	}
	if (match)
		cases->n = to;
}

static enum ncli_status run_set(struct ncli *n, const struct ncli_set *set, size_t jobs,
				struct totals *totals)
{
	struct ncli_cases cases;
	enum ncli_status status = NCLI_OK;

	if (ncli_cases_find(&cases, set))
		return ncli_fail(n, NCLI_FAILED, "%s: out of memory", set->source);
	choose(&cases, ncli_option_value(n, "match"));
	size_t bytes = sizeof(struct board) + cases.n * sizeof(struct result);
	struct board *board = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (board == MAP_FAILED || (cases.n && run_all(&cases, board, jobs)))
		status = ncli_fail(n, NCLI_FAILED, "%s: no process can be started: %s", set->source,
				   strerror(errno));
	else
		report(&cases, board, totals);
	if (board != MAP_FAILED)
		munmap(board, bytes);
	ncli_cases_free(&cases);
	return status;
}

static enum ncli_status run_archive(struct ncli *n, const char *path, size_t jobs, struct totals *totals)
{
	struct ncli_set set;
	char why[400];

	if (ncli_set_archive(&set, path, why, sizeof(why)))
		return ncli_fail(n, NCLI_INPUT, "%s", why);
	enum ncli_status status = run_set(n, &set, jobs, totals);

	ncli_set_free(&set);
	return status;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* A directory's own files, then each archive in it. */
static enum ncli_status run_directory(struct ncli *n, const char *path, size_t jobs, struct totals *totals)
{
	char why[400], *roots[] = {(char *)path, NULL};
	struct ncli_set set;
	FTSENT *e;

	if (ncli_set_directory(&set, path, why, sizeof(why)))
		return ncli_fail(n, NCLI_INPUT, "%s", why);
	enum ncli_status status = run_set(n, &set, jobs, totals);

	ncli_set_free(&set);
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);

	if (!walk)
		return ncli_fail(n, NCLI_INPUT, "%s: cannot be read (%s)", path, strerror(errno));
	while (status == NCLI_OK && (e = fts_read(walk))) {
		size_t len = strlen(e->fts_name);

		if (e->fts_info == FTS_F && len > 8 && !strcmp(e->fts_name + len - 8, ".tar.zst"))
			status = run_archive(n, e->fts_path, jobs, totals);
	}
	fts_close(walk);
	return status;
}

enum ncli_status ncli_run_vectors(struct ncli *n)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t jobs = processors > 0 ? (uint64_t)processors : 1;
	struct totals totals = {0};
	enum ncli_status status = ncli_number(n, "jobs", 1, JOBS_MAX, &jobs);
	struct stat st;

	for (int i = 0; status == NCLI_OK && i < n->operands; i++) {
		const char *path = n->operand[i];

		if (stat(path, &st))
			return ncli_fail(n, NCLI_INPUT, "%s: cannot be opened (%s)", path, strerror(errno));
		size_t before = totals.passed + totals.failed, len = strlen(path);
		bool plain = S_ISREG(st.st_mode) && (len < 4 || strcmp(path + len - 4, ".zst")) &&
			     (len < 4 || strcmp(path + len - 4, ".tar"));

		status = S_ISDIR(st.st_mode) || plain ? run_directory(n, path, jobs, &totals)
						      : run_archive(n, path, jobs, &totals);
		if (status == NCLI_OK && totals.passed + totals.failed == before)
			status = ncli_fail(n, NCLI_INPUT, "%s: there are no cases", path);
	}
	if (status)
		return status;
	printf("%zu passed, %zu failed, 0 skipped\n", totals.passed, totals.failed);
	return totals.failed ? NCLI_FAILED : NCLI_OK;
}
