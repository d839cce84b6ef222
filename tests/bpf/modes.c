#include "tests/bpf/modes.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

// Idle and watched are the same bytes in two files: the kernel attaches to a file, for all who run it.
enum build { BARE, UNWATCHED, WATCHED, BUILDS };
static const char *const files[BUILDS] = {"bare.so", "unwatched.so", "libshmchan.so"};
static const struct family *builds[BUILDS];

struct state {
	void *group;      // of the contender in this program
	const char *name; // of the contender in each build
	enum mode mode;
};

// In each process.
struct end {
	struct state *s;
	const struct row *row;
	unsigned who;
	const struct contender *c; // whose end is open
	void *end;
};

bool modes_load(const char *folder)
{
	for (unsigned b = 0; b < BUILDS; b++) {
		const struct family *f;
		char path[512];
		void *so;

		snprintf(path, sizeof(path), "%s/%s", folder, files[b]);
		so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
		f = so ? dlsym(so, "family_shmchan") : NULL;
		if (!f) {
			fprintf(stderr, "probes: cannot open a build of the library: %s\n", dlerror());
			return false;
		}
		builds[b] = f;
	}
	return true;
}

static const struct contender *contender_of(const struct state *s)
{
	const struct family *f = builds[s->mode == MODE_BARE ? BARE : s->mode == MODE_IDLE ? UNWATCHED : WATCHED];

	for (unsigned i = 0; i < f->cnt; i++)
		if (!strcmp(f->list[i].name, s->name))
			return &f->list[i];
	return NULL;
}

// State is shared by all builds: they are made of the same source.
static void *create(const struct contender *c, const struct row *row)
{
	struct state *s = bench_shared(sizeof(*s));

	if (s) {
		s->name = c->name;
		s->group = family_shmchan.list[0].create(&family_shmchan.list[0], row);
	}
	if (s && s->group)
		return s;
	bench_unshare(s, sizeof(*s));
	return NULL;
}

static void destroy(void *state)
{
	family_shmchan.list[0].destroy(((struct state *)state)->group);
	bench_unshare(state, sizeof(struct state));
}

void modes_set(void *state, enum mode m)
{
	((struct state *)state)->mode = m;
}

const char *modes_group(const void *state)
{
	return bench_group_name(((const struct state *)state)->group);
}

static void *open_end(void *state, const struct row *row, unsigned who)
{
	struct end *e = calloc(1, sizeof(*e));

	if (e)
		*e = (struct end){.s = state, .row = row, .who = who};
	return e;
}

static void close_end(void *arg)
{
	struct end *e = arg;

	if (e->c)
		e->c->close(e->end);
	e->c = NULL;
}

// The messages that are not counted pay for the change.
static void run_mode(void *arg, struct run *run)
{
	struct end *e = arg;
	const struct contender *c = contender_of(e->s);

	if (e->c != c && c) {
		close_end(e);
		e->end = c->open(e->s->group, e->row, e->who);
		e->c = e->end ? c : NULL;
	}
	if (e->c)
		c->run(e->end, run);
	else
		run->bad = 1;
}

#define STREAM(n)                                                                                          \
	{                                                                                                  \
		.name = n, .forms = FORM(FORM_STREAM), .create = create, .destroy = destroy, .open = open_end, \
		.run = run_mode, .close = close_end                                                        \
	}
const struct contender modes_polling = STREAM("shmchan-spsc");
const struct contender modes_waiting = STREAM("shmchan-spsc-waiting");
