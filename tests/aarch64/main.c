#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <criterion/criterion.h>
#include <criterion/hooks.h>

#define SLOWER 20 // an emulator than a processor, at most
#define SECONDS 60

static struct small_test *first, **last = &first;
static void (*at_end)(struct criterion_global_stats *stats);

void small_register(struct small_test *t)
{
	*last = t;
	last = &t->next;
}

void small_at_end(void (*f)(struct criterion_global_stats *stats))
{
	at_end = f;
}

void small_assert(bool holds, const char *what, const char *where, const char *fmt, ...)
{
	va_list ap;

	if (holds)
		return;
	fprintf(stderr, "%s: %s:", where, what);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	_exit(1);
}

static bool passes(const struct small_test *t, bool *skipped)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm((unsigned)((t->timeout > 0 ? t->timeout : SECONDS) * SLOWER));
		t->run();
		_exit(0);
	}
	while (pid < 0 || waitpid(pid, &status, 0) < 0)
		if (pid < 0 || errno != EINTR)
			return false;
	if (WIFSIGNALED(status))
		fprintf(stderr, "%s::%s: ended by signal %d\n", t->suite, t->name, WTERMSIG(status));
	*skipped = WIFEXITED(status) && WEXITSTATUS(status) == SMALL_SKIPPED;
	return status == 0 || *skipped;
}

// SMALL_SKIP: words suite::name.
static bool left_out(const struct small_test *t)
{
	const char *at = getenv("SMALL_SKIP");
	char name[160];
	size_t n;

	snprintf(name, sizeof(name), "%s::%s", t->suite, t->name);
	for (n = strlen(name); at && (at = strstr(at, name)); at += n)
		if (at[n] == 0 || at[n] == ' ')
			return true;
	return false;
}

int main(int argc, char **argv)
{
	FILE *tap = stdout;
	unsigned n = 0, failed = 0;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--tap=", 6) == 0)
			tap = fopen(argv[i] + 6, "w");
	if (!tap)
		return 2;
	setvbuf(tap, NULL, _IONBF, 0);
	for (const struct small_test *t = first; t; t = t->next) {
		bool skipped = left_out(t), ok = skipped || passes(t, &skipped);

		failed += !ok;
		fprintf(tap, "%sok %u - %s::%s%s\n", ok ? "" : "not ", ++n, t->suite, t->name,
			skipped ? " # SKIP" : "");
	}
	if (at_end)
		at_end(NULL);
	fprintf(tap, "1..%u\n", n);
	return failed != 0;
}
