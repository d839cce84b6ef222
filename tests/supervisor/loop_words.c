#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/loop_words.h"

#define MS UINT64_C(1000000)
#define MANY 300 // three threads
#define PAGE 4096

struct word {
	struct loop_futex futex;
	unsigned calls;
	short revents;
	struct loop *loop;
	struct word *stops;
};

static void on_word(struct loop_watch *w, short revents)
{
	struct word *e = (struct word *)w;

	e->calls++;
	e->revents = revents;
	if (revents & POLLERR)
		loop_unwatch(e->loop, w);
	else
		e->futex.value = atomic_load((_Atomic uint32_t *)e->futex.word);
	if (e->stops)
		loop_unwatch(e->loop, &e->stops->futex.watch);
}

// Of the loop; the test's own surroundings have some too.
static unsigned threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned cnt = 0;

	for (struct dirent *e; (e = readdir(d));) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (f && fgets(name, sizeof(name), f))
			cnt += strcmp(name, WORDS_THREAD "\n") == 0;
		if (f)
			fclose(f);
	}
	closedir(d);
	return cnt;
}

// One page for each, so that each can go by itself.
static uint32_t *page(void)
{
	uint32_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(p, MAP_FAILED);
	return p;
}

static struct loop *make(void)
{
	struct words *w;
	struct loop *l;
	int err = words_open(&w);

	if (err == ENOSYS)
		cr_skip_test("no futex_waitv here");
	cr_assert_eq(err, 0);
	words_close(w);
	cr_assert_eq(loop_new(&l, LOOP_POLL), 0);
	return l;
}

static void watch(struct word *e, struct loop *l, const uint32_t *word, uint32_t value)
{
	*e = (struct word){.futex = {{LOOP_FUTEX, 0, true, on_word, 0}, word, value}, .loop = l};
	cr_assert_eq(loop_watch(l, &e->futex.watch), 0);
}

static void change(const uint32_t *word, uint32_t to)
{
	atomic_store((_Atomic uint32_t *)word, to);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static unsigned sum(const struct word *e, unsigned cnt)
{
	unsigned all = 0;

	for (unsigned i = 0; i < cnt; i++)
		all += e[i].calls;
	return all;
}

Test(loop_words, no_thread_without_a_word)
{
	struct loop *l = make();
	struct word e;
	uint32_t *p = page();

	cr_assert_eq(threads(), 0);
	watch(&e, l, p, 0);
	cr_assert_eq(threads(), 1);
	loop_unwatch(l, &e.futex.watch);
	watch(&e, l, p, 0);
	cr_assert_eq(threads(), 1, "room is used again");
	loop_delete(l);
	while (threads()) // one that has been joined is in the list a moment longer
		sched_yield();
}

Test(loop_words, more_than_one_thread_can_wait_for)
{
	static struct word e[MANY];
	struct loop *l = make();

	for (unsigned i = 0; i < MANY; i++)
		watch(&e[i], l, page(), 0);
	cr_assert_eq(threads(), (MANY + WORDS_EACH - 1) / WORDS_EACH);
	for (unsigned n = 1; n <= 5; n++) { // all at once
		for (unsigned i = 0; i < MANY; i++)
			change(e[i].futex.word, n);
		while (sum(e, MANY) < n * MANY)
			cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		cr_assert_eq(e[i].calls, 5, "each has its own");
	for (unsigned i = 0; i < MANY; i++) { // and one after the other
		change(e[i].futex.word, 100 + i);
		while (e[i].calls < 6)
			cr_assert_eq(loop_turn(l, 10000 * MS), 0);
		cr_assert_eq(sum(e, MANY), 5 * MANY + i + 1);
	}
	loop_delete(l);
}

// Memory that has been unmapped after its word was taken back is not touched, though its thread may be about to wait for it.
Test(loop_words, what_is_taken_back_may_go)
{
	static struct word e[4];
	struct loop *l = make();
	uint32_t *stays = page();
	struct word other;

	watch(&other, l, stays, 0);
	for (unsigned round = 0; round < 2000; round++) {
		for (unsigned i = 0; i < 4; i++)
			watch(&e[i], l, page(), 0);
		change(e[0].futex.word, 1);
		for (unsigned i = 0; i < 4; i++) {
			loop_unwatch(l, &e[i].futex.watch);
			munmap((void *)e[i].futex.word, PAGE);
		}
		cr_assert_eq(loop_turn(l, 0), 0);
		cr_assert_eq(sum(e, 4), 0);
	}
	change(stays, 1);
	while (!other.calls)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	cr_assert_eq(other.revents, POLLIN, "nobody else was hit by it");
	cr_assert_eq(threads(), 1);
	loop_delete(l);
}

Test(loop_words, what_goes_without_is_an_error)
{
	struct loop *l = make();
	uint32_t *p = page();
	struct word e;

	munmap(p, PAGE);
	watch(&e, l, p, 0);
	while (!e.calls)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	cr_assert_eq(e.revents, POLLERR);
	p = page();
	watch(&e, l, p, 0);
	change(p, 1);
	while (!e.calls)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	cr_assert_eq(e.revents, POLLIN, "the thread goes on");
	loop_delete(l);
}

Test(loop_words, stopped_by_another_in_the_same_turn)
{
	struct loop *l = make();
	struct word a, b;

	watch(&a, l, page(), 0);
	watch(&b, l, page(), 0);
	a.stops = &b;
	b.stops = &a;
	change(a.futex.word, 1);
	change(b.futex.word, 1);
	while (!a.calls && !b.calls)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	cr_assert_eq(loop_turn(l, MS), 0);
	cr_assert_eq(a.calls + b.calls, 1);
	loop_delete(l);
}

// A word that changes all the time leaves the others their turn.
static void *change_on(void *word)
{
	for (uint32_t n = 1;; n++) {
		change(word, n);
		pthread_testcancel();
	}
	return NULL;
}

Test(loop_words, a_restless_one)
{
	struct loop *l = make();
	struct word restless, calm;
	pthread_t thread;
	uint32_t *p = page();

	watch(&restless, l, p, 0);
	watch(&calm, l, page(), 0);
	cr_assert_eq(pthread_create(&thread, NULL, change_on, p), 0);
	while (restless.calls < 1000)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	change(calm.futex.word, 1);
	while (!calm.calls)
		cr_assert_eq(loop_turn(l, 10000 * MS), 0);
	cr_assert_eq(calm.revents, POLLIN);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	loop_delete(l);
}

// In a child, as a filter can't be taken off again. Exit status: 0 what was hoped for.
static int without_futex_waitv(int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};
	struct loop_futex f = {{LOOP_FUTEX, 0, true, on_word, 0}, page(), 0};
	struct loop *l;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return 2;
	if (loop_new(&l, LOOP_POLL) || loop_watch(l, &f.watch) != ENOSYS)
		return 3;
	loop_unwatch(l, &f.watch);
	if (threads() || loop_turn(l, 0))
		return 4;
	loop_delete(l);
	return 0;
}

Test(loop_words, refused_where_there_is_no_futex_waitv)
{
	static const int errors[] = {ENOSYS, EPERM};

	for (unsigned i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(without_futex_waitv(errors[i]));
		waitpid(pid, &status, 0);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
	}
}
