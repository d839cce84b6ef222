// Issue of the design's rule 4, shared memory is input: the programs of tests/fuzz/fuzz_segment.c, drawn at random.
// HOSTILE_RUNS=N for more of them, HARNESS_SEED=S for others.
#include "tests/shmchan/harness.h"

#include <sys/time.h>
#include "tests/fuzz/fuzz_segment.h"

static uint64_t input_no;
static pid_t mad;
static bool want_mad;

// Says which input it was; the fault, or the signal, comes again with its default.
static void last_words(int sig)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "signal %d at input %llu\n", sig, (unsigned long long)input_no);

	(void)!write(2, text, (size_t)n);
	if (sig == SIGVTALRM)
		raise(sig);
}

static void watch(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGVTALRM};
	struct sigaction sa = {.sa_handler = last_words, .sa_flags = SA_RESETHAND};

	for (unsigned i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &sa, NULL);
}

static void run(uint64_t runs, uint64_t seed)
{
	uint64_t state = seed;
	uint8_t in[1200];

	watch();
	for (input_no = 0; input_no < runs; input_no++) {
		size_t n = 40 + harness_random(&state) % (sizeof(in) - 40);
		// Processor time, so that a loaded machine makes no difference.
		struct itimerval limit = {.it_value = {.tv_sec = 3}};

		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(harness_random(&state) >> 32);
		setitimer(ITIMER_VIRTUAL, &limit, NULL);
		LLVMFuzzerTestOneInput(in, n);
	}
	setitimer(ITIMER_VIRTUAL, &(struct itimerval){0}, NULL);
}

Test(hostile, overwritten_between_calls, .timeout = 900)
{
	run(harness_env("HOSTILE_RUNS", 1500), harness_seed());
}

static void map_one(void *ctx, const char *group, const char *object)
{
	struct shmchan_seg **next = ctx;

	if (shmchan_seg_open(*next, group, object, true, NULL) == 0)
		(*next)++;
}

// Writes all the time, and puts back now and then what was there, so that calls get past their first checks.
static int scribble(void *ctx)
{
	struct shmchan_seg segs[32], *end = segs;
	uint64_t state = (uint64_t)getpid() | 1;

	shmchan_seg_each(ctx, map_one, &end);
	while (end > segs) {
		const struct shmchan_seg *s = &segs[harness_random(&state) % (uint64_t)(end - segs)];
		_Atomic uint64_t *word = (_Atomic uint64_t *)s->base + harness_random(&state) % (s->size / 8);
		uint64_t old = atomic_load(word), r = harness_random(&state);

		atomic_store(word, r & 1 ? r : r & 2 ? old + (r >> 62) : r & 4 ? UINT64_MAX : old ^ r >> 40);
		for (unsigned i = 0; i < (r >> 8) % 64; i++)
			__asm__ volatile("" ::: "memory");
		if (r & 8)
			atomic_store(word, old);
	}
	return 1;
}

void fuzz_segment_created(const char *group)
{
	if (want_mad)
		mad = harness_fork(scribble, (void *)(uintptr_t)group);
}

void fuzz_segment_ending(const char *group)
{
	(void)group;
	if (want_mad)
		harness_kill(mad);
}

Test(hostile, overwritten_during_calls, .timeout = 900)
{
	want_mad = true;
	run(harness_env("HOSTILE_RUNS", 1500) / 5, harness_seed());
}
