// Users, limits and rights of a service in a plan.
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "supervisor/plan.h"
#include "supervisor/topology_form.h"

#define AT(item, key, sub) ((struct topo_place){"services", item, key, sub})
#define GROUPS_MAX 64

static bool is_number(const char *s, unsigned *out)
{
	char *end;
	unsigned long v;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoul(s, &end, 10);
	*out = (unsigned)v;
	return !*end && !errno && v < UINT32_MAX;
}

static int make_user(struct planner *p, unsigned item, const char *user, struct plan_confine *out)
{
	gid_t groups[GROUPS_MAX];
	int cnt = GROUPS_MAX;
	struct passwd *pw;
	unsigned id;

	pw = is_number(user, &id) ? getpwuid(id) : getpwnam(user);
	if (!pw && !is_number(user, &id))
		return topo_bad(p->topo, AT(item, "user", TOPO_NONE), p->fail, "there is no user '%s'", user);
	out->has_user = true;
	out->uid = out->gid = id;
	if (!pw)
		return 0; // a number that no user has: its own group, and no other
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &cnt) < 0)
		return topo_bad(p->topo, AT(item, "user", TOPO_NONE), p->fail,
				"user '%s' is in more than %d groups; 'groups' can name some", user,
				GROUPS_MAX);
	out->groups = memcpy(arena_alloc(&p->plan->arena, (size_t)cnt + 1, sizeof(*groups)), groups,
			     (size_t)cnt * sizeof(*groups));
	out->group_cnt = (unsigned)cnt;
	return 0;
}

static int make_groups(struct planner *p, unsigned item, const struct topo_service *s,
		       struct plan_confine *out)
{
	gid_t *groups = arena_alloc(&p->plan->arena, s->groups_cnt, sizeof(*groups));

	if (!out->has_user)
		return topo_bad(p->topo, AT(item, "groups", TOPO_NONE), p->fail, "'groups' needs 'user'");
	for (unsigned i = 0; i < s->groups_cnt; i++) {
		const char *name = s->groups[i];
		unsigned id;
		struct group *gr;

		if (is_number(name, &id)) {
			groups[i] = id;
			continue;
		}
		gr = getgrnam(name);
		if (!gr)
			return topo_bad(p->topo, AT(item, "groups", i), p->fail, "there is no group '%s'",
					name);
		groups[i] = gr->gr_gid;
	}
	out->gid = groups[0];
	out->groups = groups;
	out->group_cnt = s->groups_cnt;
	return 0;
}

static int make_caps(struct planner *p, unsigned item, const struct topo_service *s, struct plan_confine *out)
{
	out->has_caps = out->has_user || topo_given(p->topo, AT(item, "capabilities", TOPO_NONE));
	for (unsigned i = 0; i < s->capabilities_cnt; i++) {
		int cap;

		topo_cap(s->capabilities[i], &cap); // the reader has checked its form
		if (out->caps & UINT64_C(1) << cap)
			return topo_bad(p->topo, AT(item, "capabilities", i), p->fail,
					"capability '%s' is named twice", s->capabilities[i]);
		out->caps |= UINT64_C(1) << cap;
	}
	return 0;
}

static int make_rlimits(struct planner *p, unsigned item, const struct topo_service *s,
			struct plan_confine *out)
{
	static const struct topo_rlimits none;
	const struct topo_rlimits *r = s->rlimits ? s->rlimits : &none;
	const struct {
		const char *text;
		int which;
	} all[] = {{s->memory_limit, RLIMIT_DATA},
		   {r->as, RLIMIT_AS},
		   {r->core, RLIMIT_CORE},
		   {r->cpu, RLIMIT_CPU},
		   {r->data, RLIMIT_DATA},
		   {r->fsize, RLIMIT_FSIZE},
		   {r->locks, RLIMIT_LOCKS},
		   {r->memlock, RLIMIT_MEMLOCK},
		   {r->msgqueue, RLIMIT_MSGQUEUE},
		   {r->nice, RLIMIT_NICE},
		   {r->nofile, RLIMIT_NOFILE},
		   {r->nproc, RLIMIT_NPROC},
		   {r->rss, RLIMIT_RSS},
		   {r->rtprio, RLIMIT_RTPRIO},
		   {r->rttime, RLIMIT_RTTIME},
		   {r->sigpending, RLIMIT_SIGPENDING},
		   {r->stack, RLIMIT_STACK}};
	struct plan_rlimit *list =
		arena_alloc(&p->plan->arena, sizeof(all) / sizeof(all[0]), sizeof(*list));

	if (s->memory_limit && r->data)
		return topo_bad(p->topo, AT(item, "memory_limit", TOPO_NONE), p->fail,
				"'memory_limit' and 'data' of 'rlimits' are the same limit; give one");
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct plan_rlimit *l = &list[out->rlimit_cnt];

		l->which = all[i].which;
		if (all[i].text && topo_limit(all[i].text, &l->soft, &l->hard))
			out->rlimit_cnt++;
	}
	out->rlimits = list;
	return 0;
}

int plan_confine_make(struct planner *p, unsigned item, struct plan_confine *out)
{
	const struct topo_service *s = &p->data->services[item];

	if ((s->user && make_user(p, item, s->user, out)) || (s->groups && make_groups(p, item, s, out)) ||
	    make_caps(p, item, s, out) || make_rlimits(p, item, s, out))
		return -1;
	out->seccomp = s->seccomp != TOPO_SECCOMP_AUTO ? s->seccomp
		       : out->has_user                 ? TOPO_SECCOMP_DEFAULT
						       : TOPO_SECCOMP_OFF;
	if (s->cpus)
		out->has_cpus = topo_cpus(s->cpus, &out->cpus);
	if (s->nice) {
		out->has_nice = true;
		out->nice = *s->nice;
	}
	out->any = out->has_user || out->has_caps || out->has_cpus || out->has_nice || out->rlimit_cnt ||
		   out->seccomp != TOPO_SECCOMP_OFF;
	return 0;
}
