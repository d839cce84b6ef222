#include "supervisor/corpse.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "supervisor/group.h"

struct corpse {
	struct loop_watch pidfd;
	struct group *group;
	struct corpse *next;
};

static void let_go(struct corpse *c)
{
	struct corpse **at = &c->group->corpses;
	siginfo_t info;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	loop_unwatch(c->group->loop, &c->pidfd);
	waitid(P_PIDFD, (id_t)c->pidfd.fd, &info, WEXITED | WNOHANG); // of an adopted one: another's affair
	close(c->pidfd.fd);
	free(c);
}

static void on_pidfd(struct loop_watch *w, short revents)
{
	struct corpse *c = (struct corpse *)w;
	struct group *g = c->group;

	let_go(c);
	group_go_on_soon(g);
}
_Static_assert(offsetof(struct corpse, pidfd) == 0, "on_pidfd casts");

bool corpse_put(struct group *g, int pidfd)
{
	struct corpse *c = malloc(sizeof(*c));

	if (!c)
		return false;
	*c = (struct corpse){{pidfd, POLLIN, false, on_pidfd, 0}, g, g->corpses};
	if (loop_watch(g->loop, &c->pidfd)) {
		free(c);
		return false;
	}
	g->corpses = c;
	return true;
}

bool corpse_any(const struct group *g)
{
	return g->corpses != NULL;
}

void corpse_forget(struct group *g)
{
	while (g->corpses)
		let_go(g->corpses);
}
