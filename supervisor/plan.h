// What a topology means: every replica a service with a process slot, every `each` a channel, every name
// resolved, every bound checked. The plan is what shmchan_broker_create and group.c work from; it holds no
// open file and changes nothing.
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include <sched.h>
#include "shmchan/broker.h"
#include "supervisor/arena.h"
#include "supervisor/exits.h"
#include "supervisor/service.h"
#include "supervisor/topology.h"

#define PLAN_NONE UINT32_MAX

struct plan_rlimit {
	int which;           // RLIMIT_NOFILE, ...
	uint64_t soft, hard; // UINT64_MAX = unlimited
};

// What its process gives up, or is given, before its program starts.
struct plan_confine {
	bool any; // false: it is started as the supervisor is
	bool has_user, has_caps, has_cpus, has_nice;
	uid_t uid;
	gid_t gid;
	const gid_t *groups; // supplementary ones
	unsigned group_cnt;
	enum topo_seccomp seccomp; // off, default or strict
	uint64_t caps;             // bit n: capability n is kept
	cpu_set_t cpus;
	int nice;
	const struct plan_rlimit *rlimits; // memory_limit among them
	unsigned rlimit_cnt;
};

struct plan_service {
	const char *name;    // process slot = index in plan.services + 1
	const char *command; // as in the file
	char **argv;         // argv[0] = command; NULL at the end
	char **env;          // NAME=value, added to the supervisor's environment
	unsigned env_cnt;
	struct svc_policy policy;
	bool notifies;             // readiness is its READY=1, not its spawn
	uint64_t ready_timeout_ns; // 0 = none
	uint64_t stop_timeout_ns;
	uint64_t heartbeat_ns;     // 0 = not looked at
	unsigned spare;            // 0 or 1 idle process that takes its place over (spare.h)
	bool reserved;             // above `replicas`: not started until it is scaled up
	unsigned strategy;         // index of plan.strategies, or PLAN_NONE: restarted alone
	enum topo_log log;         // file (only with plan.logs.folder), inherit or none
	struct plan_confine confine;
	const unsigned *deps; // indices of services
	unsigned dep_cnt;
	unsigned source; // item of `services` it comes from
};

// Of channel i of plan.spec.chans.
struct plan_channel {
	uint32_t alert_depth; // messages; 0 = not looked at
	unsigned source;      // item of `channels` it comes from
};

struct plan_strategy {
	const char *name;
	enum topo_strategy_kind kind;
	const unsigned *services; // indices, in the order of the file; replicas in theirs
	unsigned service_cnt;
	uint32_t max_restarts; // within window_ns; 0 = no limit
	uint64_t window_ns;
};

struct plan_logs {
	const char *folder; // NULL: there are none
	uint64_t max_size;  // bytes
	unsigned keep;      // old files of each service
};

enum plan_field {
	PLAN_ENQUEUED,
	PLAN_DEQUEUED,
	PLAN_DONE,
	PLAN_DEAD,
	PLAN_DROPPED,
	PLAN_TALLY, // + number of the counter
};

// The sum of one field over the channels [chan, chan + chan_cnt).
struct plan_term {
	unsigned chan, chan_cnt;
	unsigned field;
};

struct plan_sum {
	const char *key;
	struct plan_term *terms;
	unsigned term_cnt;
};

struct plan_job {
	bool any;
	unsigned complete; // index of the service
	struct plan_sum *report;
	unsigned report_cnt;
	unsigned *balance; // numbers of report sums: the first must equal the sum of the others
	unsigned balance_cnt;
	struct plan_sum *zero;
	unsigned zero_cnt;
	unsigned *progress;
	unsigned progress_cnt;
};

struct plan_chaos {
	bool enabled;
	unsigned *services;
	unsigned service_cnt;
	uint64_t least_ns, most_ns;
	uint64_t seed; // 0 = take one from the kernel
};

struct plan {
	struct arena arena;
	struct plan_service *services;
	struct shmchan_group_spec spec;
	struct plan_channel *channels;
	struct plan_strategy *strategies;
	unsigned strategy_cnt;
	struct plan_logs logs;
	struct plan_job job;
	struct plan_chaos chaos;
};

// plan_make makes the plan of `t` for a group named `name`, or as the file says if that is NULL. Errors:
// SUP_TOPOLOGY, or SUP_USAGE for a bad `name`. The plan does not refer to t afterwards. plan_free takes NULL.
int plan_make(struct plan **out, const struct topo *t, const char *name, struct fail *fail);
void plan_free(struct plan *p);

// plan_name_error says what is wrong with a name of a group or object, or NULL: letters, digits, '_' and '-',
// the first not
// '-', shorter than SHMCHAN_NAME_MAX.
const char *plan_name_error(const char *name);

// Inside of the plan: what its sources share.
struct plan_names {
	const char *name;    // as in the file
	unsigned first, cnt; // what it became
	bool many;           // numbered
};
struct planner {
	struct plan *plan;
	const struct topo *topo;
	const struct topo_data *data;
	struct fail *fail;
	struct plan_names *services, *channels;
	unsigned service_cnt, channel_cnt; // items in the file
};
// plan_find_services finds a service, or all replicas of a replicated name; false if there is none.
bool plan_find_services(const struct planner *p, const char *name, unsigned *first, unsigned *cnt);
bool plan_find_channels(const struct planner *p, const char *name, unsigned *first, unsigned *cnt);
int plan_check_name(struct planner *p, struct topo_place at, const char *what, const char *name);
// plan_resolve makes of a list of names in the file the services it means, each once. `add` makes slots of indices.
int plan_resolve(struct planner *p, struct topo_place at, char **list, unsigned cnt, unsigned replica,
		 unsigned add, const unsigned **out, unsigned *out_cnt);
// plan_confine_make fills the confinement of a service from item `item` of the file.
int plan_confine_make(struct planner *p, unsigned item, struct plan_confine *out);
int plan_pools_make(struct planner *p);
int plan_strategies_make(struct planner *p);
int plan_logs_make(struct planner *p);
int plan_job_make(struct planner *p);
int plan_chaos_make(struct planner *p);

#endif
