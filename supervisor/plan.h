// What a topology means: every replica a service with a process slot, every `each` a channel, every name
// resolved, every bound checked. The plan is what shmchan_broker_create and group.c work from; it holds no
// open file and changes nothing.
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "shmchan/broker.h"
#include "supervisor/arena.h"
#include "supervisor/exits.h"
#include "supervisor/service.h"
#include "supervisor/topology.h"

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
	const unsigned *deps; // indices of services
	unsigned dep_cnt;
	unsigned source; // item of `services` it comes from
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

// Inside of the plan: what plan.c and plan_job.c share.
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
int plan_job_make(struct planner *p);
int plan_chaos_make(struct planner *p);

#endif
