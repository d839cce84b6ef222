#include <criterion/criterion.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "supervisor/plan.h"

static const char job[] =
	"group: g\n"
	"services:\n"
	"  - {name: db, command: db, restart: never}\n"
	"  - {name: w, replicas: 3, command: w, args: ['${replica}'], depends_on: [db], stop_timeout_ms: 7, "
	"max_deaths: 9}\n"
	"  - {name: end, command: e, restart: on-failure, fatal_exits: [64, 255], ready: spawn, depends_on: "
	"[w-2, db]}\n"
	"channels:\n"
	"  - {name: in, each: w, kind: spsc, capacity: 5, message_size: 9, producers: [db], consumers: "
	"['w-${replica}']}\n"
	"  - {name: out, kind: mpsc, producers: [w, db], consumers: [end], tally: [x, y], on_crash: "
	"redeliver}\n"
	"  - {name: ref, kind: slot-ref, producers: [db], consumers: [end], on_crash: drop}\n"
	"pools:\n"
	"  - {name: p, block_size: 1099511627776, block_count: 16777215, users: [w, end, db]}\n"
	"job:\n"
	"  complete: end\n"
	"  report: {a: in.enqueued, b: ' out.x+out.y + in-2.dead ', c: out.dropped}\n"
	"  balance: [a, b, c]\n"
	"  zero: [out.y]\n"
	"  progress: [c]\n"
	"chaos: {enabled: on, services: [w, db], every_ms: [3, 4], seed: 5}\n";

static struct plan *make(const char *text, const char *name)
{
	char path[64];
	struct topo *t;
	struct plan *p;
	struct fail fail;
	FILE *f;

	snprintf(path, sizeof(path), "/tmp/sup_plan.%d", (int)getpid());
	f = fopen(path, "we");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
	cr_assert_eq(topo_load(&t, path, NULL, 0, &fail), 0, "%s", fail.text);
	unlink(path);
	cr_assert_eq(plan_make(&p, t, name, &fail), 0, "%s", fail.text);
	topo_free(t);
	return p;
}

Test(plan, services)
{
	struct plan *p = make(job, NULL);
	static const char *const names[] = {"db", "w-1", "w-2", "w-3", "end"};

	cr_assert_str_eq(p->spec.name, "g");
	cr_assert_eq(p->spec.service_cnt, 5);
	for (unsigned i = 0; i < 5; i++) {
		cr_assert_str_eq(p->services[i].name, names[i]);
		cr_assert_str_eq(p->spec.services[i], names[i]);
	}
	cr_assert_str_eq(p->services[2].argv[0], "w");
	cr_assert_str_eq(p->services[2].argv[1], "2");
	cr_assert_null(p->services[2].argv[2]);
	cr_assert_eq(p->services[4].dep_cnt, 2);
	cr_assert(p->services[4].deps[0] == 0 && p->services[4].deps[1] == 2);
	cr_assert_eq(p->services[1].stop_timeout_ns, 7000000);
	cr_assert_eq(p->services[0].stop_timeout_ns, UINT64_C(5000000000));
	cr_assert_eq(p->services[1].policy.max_deaths, 9);
	cr_assert_eq(p->services[0].policy.restart, SVC_RESTART_NEVER);
	cr_assert_eq(p->services[0].policy.fatal_exits[0], 1u << 2 | 1u << 3);
	cr_assert_eq(p->services[4].policy.fatal_exits[0], 0);
	cr_assert_eq(p->services[4].policy.fatal_exits[1], 1);
	cr_assert_eq(p->services[4].policy.fatal_exits[3], UINT64_C(1) << 63);
	cr_assert(p->services[0].notifies && !p->services[4].notifies);
	plan_free(p);
}

Test(plan, channels_and_pools)
{
	struct plan *p = make(job, "other");
	const struct shmchan_chan_spec *c = p->spec.chans;

	cr_assert_str_eq(p->spec.name, "other");
	cr_assert_eq(p->spec.chan_cnt, 5);
	for (unsigned i = 0; i < 3; i++) {
		char name[8];

		snprintf(name, sizeof(name), "in-%u", i + 1);
		cr_assert_str_eq(c[i].name, name);
		cr_assert(c[i].kind == SHMCHAN_KIND_SPSC && c[i].capacity == 5 && c[i].msg_size == 9);
		cr_assert(c[i].producer_cnt == 1 && c[i].producers[0] == 1);
		cr_assert(c[i].consumer_cnt == 1 && c[i].consumers[0] == i + 2);
		cr_assert_eq(c[i].on_crash, SHMCHAN_DEAD_LETTER);
	}
	cr_assert(c[3].producer_cnt == 4 && c[3].producers[0] == 1 && c[3].producers[3] == 4);
	cr_assert(c[3].capacity == 64 && c[3].max_deliveries == 3 && c[3].tally_cnt == 2);
	cr_assert(c[4].capacity == 1 && c[4].on_crash == SHMCHAN_DROP && c[4].max_deliveries == 0);
	cr_assert(p->spec.pool_cnt == 1 && p->spec.pools[0].user_cnt == 5 && p->spec.pools[0].users[0] == 1);
	cr_assert_eq(p->spec.pools[0].block_size, UINT64_C(1) << 40);
	plan_free(p);
}

Test(plan, job_and_chaos)
{
	struct plan *p = make(job, NULL);
	const struct plan_sum *b = &p->job.report[1];

	cr_assert(p->job.any && p->job.complete == 4);
	cr_assert_eq(p->job.report_cnt, 3);
	cr_assert(p->job.report[0].term_cnt == 1 && p->job.report[0].terms[0].chan_cnt == 3);
	cr_assert_eq(b->term_cnt, 3);
	cr_assert(b->terms[0].chan == 3 && b->terms[0].field == PLAN_TALLY);
	cr_assert(b->terms[1].chan == 3 && b->terms[1].field == PLAN_TALLY + 1);
	cr_assert(b->terms[2].chan == 1 && b->terms[2].chan_cnt == 1 && b->terms[2].field == PLAN_DEAD);
	cr_assert(p->job.balance_cnt == 3 && p->job.balance[2] == 2);
	cr_assert(p->job.zero_cnt == 1 && p->job.progress_cnt == 1 && p->job.progress[0] == 2);
	cr_assert(p->chaos.enabled && p->chaos.service_cnt == 4 && p->chaos.services[3] == 0);
	cr_assert(p->chaos.least_ns == 3000000 && p->chaos.most_ns == 4000000 && p->chaos.seed == 5);
	plan_free(p);
}

Test(plan, life_and_logs)
{
	struct plan *p = make("group: g\n"
			      "services:\n"
			      "  - {name: a, command: a, heartbeat_ms: 250, spare: 1, log: none}\n"
			      "  - {name: w, replicas: 2, command: w}\n"
			      "  - {name: z, command: z, log: inherit}\n"
			      "channels:\n"
			      "  - {name: c, each: w, kind: spsc, capacity: 9, producers: [a], consumers: "
			      "['w-${replica}'], alert_depth: 7}\n"
			      "  - {name: d, kind: slot, producers: [a], consumers: [z]}\n"
			      "strategies:\n"
			      "  - {name: s, strategy: rest-for-one, services: [w, a], max_restarts: 4, window_ms: 30}\n"
			      "logs: {folder: /l, max_size: 2M, keep: 9}\n",
			      NULL);
	const struct plan_strategy *s = p->strategies;

	cr_assert(p->services[0].heartbeat_ns == 250000000 && p->services[1].heartbeat_ns == 0);
	cr_assert(p->services[0].spare == 1 && p->services[1].spare == 0);
	cr_assert(p->services[0].log == TOPO_LOG_NONE && p->services[1].log == TOPO_LOG_FILE &&
		  p->services[3].log == TOPO_LOG_INHERIT);
	cr_assert(p->channels[0].alert_depth == 7 && p->channels[1].alert_depth == 7 &&
		  p->channels[1].source == 0);
	cr_assert(p->channels[2].alert_depth == 0 && p->channels[2].source == 1);
	cr_assert(p->strategy_cnt == 1 && s->kind == TOPO_REST_FOR_ONE && s->service_cnt == 3);
	cr_assert(s->services[0] == 1 && s->services[1] == 2 && s->services[2] == 0);
	cr_assert(s->max_restarts == 4 && s->window_ns == 30000000);
	cr_assert(p->services[0].strategy == 0 && p->services[2].strategy == 0 &&
		  p->services[3].strategy == PLAN_NONE);
	cr_assert_str_eq(p->logs.folder, "/l");
	cr_assert(p->logs.max_size == 2 << 20 && p->logs.keep == 9);
	plan_free(p);
}

Test(plan, confinement)
{
	struct plan *p = make("group: g\n"
			      "services:\n"
			      "  - {name: plain, command: a}\n"
			      "  - {name: user, command: a, user: 12345}\n"
			      "  - {name: root, command: a, user: root, groups: [7, root], seccomp: strict,\n"
			      "     capabilities: [net_raw, CAP_CHOWN], cpus: '0-1,9', nice: -3, memory_limit: 1G,\n"
			      "     rlimits: {nofile: '10:2K', core: unlimited}}\n"
			      "  - {name: bare, command: a, capabilities: []}\n",
			      NULL);
	const struct plan_confine *c = &p->services[2].confine;

	cr_assert(!p->services[0].confine.any);
	cr_assert(p->services[1].confine.any && p->services[1].confine.uid == 12345 &&
		  p->services[1].confine.gid == 12345);
	cr_assert(p->services[1].confine.group_cnt == 0 && p->services[1].confine.caps == 0 &&
		  p->services[1].confine.has_caps);
	cr_assert_eq(p->services[1].confine.seccomp, TOPO_SECCOMP_DEFAULT);
	cr_assert(c->uid == 0 && c->gid == 7 && c->group_cnt == 2 && c->groups[1] == 0);
	cr_assert_eq(c->seccomp, TOPO_SECCOMP_STRICT);
	cr_assert(c->has_caps && c->caps == (1u << 13 | 1u << 0));
	cr_assert(c->has_cpus && CPU_COUNT(&c->cpus) == 3 && CPU_ISSET(9, &c->cpus));
	cr_assert(c->has_nice && c->nice == -3);
	cr_assert(c->rlimit_cnt == 3 && c->rlimits[0].which == RLIMIT_DATA &&
		  c->rlimits[0].hard == UINT64_C(1) << 30);
	cr_assert(c->rlimits[1].which == RLIMIT_CORE && c->rlimits[1].soft == UINT64_MAX);
	cr_assert(c->rlimits[2].soft == 10 && c->rlimits[2].hard == 2048);
	cr_assert(p->services[3].confine.any && p->services[3].confine.has_caps &&
		  p->services[3].confine.caps == 0 && !p->services[3].confine.has_user);
	plan_free(p);
}

Test(plan, a_group_can_be_without_job_and_chaos)
{
	struct plan *p = make("group: g\nservices: [{name: a, command: a}]\n", NULL);

	cr_assert(!p->job.any && !p->chaos.enabled && p->spec.chan_cnt == 0 && p->spec.pool_cnt == 0);
	plan_free(p);
}

// Each service depends on all before it: 200 deep, walked once each.
Test(plan, deep_dependencies)
{
	static char text[200 * 200 * 8];
	size_t used = (size_t)sprintf(text, "group: g\nservices:\n");
	struct plan *p;

	for (unsigned i = 0; i < 200; i++) {
		used += (size_t)sprintf(text + used, "  - {name: s%u, command: c, depends_on: [", i);
		for (unsigned j = 0; j < i; j++)
			used += (size_t)sprintf(text + used, "%ss%u", j ? ", " : "", j);
		used += (size_t)sprintf(text + used, "]}\n");
	}
	p = make(text, NULL);
	cr_assert_eq(p->services[199].dep_cnt, 199);
	plan_free(p);
}

Test(plan, names)
{
	cr_assert_null(plan_name_error("a"));
	cr_assert_null(plan_name_error("Validate_2-x"));
	cr_assert_null(plan_name_error("a234567890123456789012345678901"));
	cr_assert_not_null(plan_name_error("a2345678901234567890123456789012"));
	cr_assert_not_null(plan_name_error(""));
	cr_assert_not_null(plan_name_error("-a"));
	cr_assert_not_null(plan_name_error("a.b"));
	cr_assert_not_null(plan_name_error("a/b"));
	cr_assert_not_null(plan_name_error("a\n"));
}
