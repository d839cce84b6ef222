// A topology file as its author wrote it: read, its variables put in, checked against the schema.
//
//	file -> events (no aliases, one document) -> variables, --set -> text with values put in
//	     -> document tree (positions, free-form mappings) -> schema walk (errors with line and column)
//	     -> libcyaml (typed structs)
//
// What the names mean together (does this service exist, may this kind have two consumers) is plan.h's.
#ifndef SUPERVISOR_TOPOLOGY_H
#define SUPERVISOR_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>
#include "shmchan/shmchan.h"
#include "supervisor/exits.h"

#define TOPO_FILE_MAX (1u << 20) // bytes of a topology file, before and after variables are put in

enum topo_bool { TOPO_NO, TOPO_YES };
enum topo_restart { TOPO_ALWAYS, TOPO_ON_FAILURE, TOPO_NEVER };
enum topo_ready { TOPO_READY_NOTIFY, TOPO_READY_SPAWN };

enum topo_strategy_kind { TOPO_ONE_FOR_ONE, TOPO_REST_FOR_ONE, TOPO_ONE_FOR_ALL };
enum topo_seccomp { TOPO_SECCOMP_AUTO, TOPO_SECCOMP_OFF, TOPO_SECCOMP_DEFAULT, TOPO_SECCOMP_STRICT };
enum topo_log { TOPO_LOG_AUTO, TOPO_LOG_FILE, TOPO_LOG_INHERIT, TOPO_LOG_NONE };

struct topo_rlimits { // texts in the form of topo_limit, or NULL
	char *as;
	char *core;
	char *cpu;
	char *data;
	char *fsize;
	char *locks;
	char *memlock;
	char *msgqueue;
	char *nice;
	char *nofile;
	char *nproc;
	char *rss;
	char *rtprio;
	char *rttime;
	char *sigpending;
	char *stack;
};

// Pointers to numbers are NULL where the file says nothing.
struct topo_service {
	char *name, *command;
	char **args;
	unsigned args_cnt;
	char **env; // NAME=value
	unsigned env_cnt;
	uint32_t *replicas;
	uint32_t *max_replicas;
	enum topo_restart restart;
	enum topo_ready ready;
	uint32_t *ready_timeout_ms; // 0 = wait for ever
	uint32_t *stop_timeout_ms;
	uint32_t *max_deaths; // of its own within window_ms, 10 in 10 s if not given; 0 = no limit for a service that was ready
	uint32_t *window_ms;
	uint32_t *fatal_exits; // exit statuses after which a new incarnation would fail as well
	unsigned fatal_exits_cnt;
	char **depends_on;
	unsigned depends_on_cnt;
	uint32_t *heartbeat_ms; // 0 = not looked at
	uint32_t *spare;
	enum topo_log log;
	char *user;
	char **groups;
	unsigned groups_cnt;
	enum topo_seccomp seccomp;
	char **capabilities; // NULL = not said, which is not an empty list
	unsigned capabilities_cnt;
	char *cpus;
	int32_t *nice;
	char *memory_limit;
	struct topo_rlimits *rlimits;
};

struct topo_channel {
	char *name, *each;
	enum shmchan_kind kind;
	uint32_t *capacity;
	uint32_t message_size;
	char **producers;
	unsigned producers_cnt;
	char **consumers;
	unsigned consumers_cnt;
	enum shmchan_on_crash on_crash;
	uint32_t *max_deliveries;
	uint32_t *alert_depth;
	char **tally;
	unsigned tally_cnt;
};

struct topo_pool {
	char *name;
	uint64_t *block_size; // both, or classes
	uint32_t *block_count;
	char **classes; // texts in the form of topo_class
	unsigned classes_cnt;
	char **users;
	unsigned users_cnt;
};

struct topo_strategy {
	char *name;
	enum topo_strategy_kind strategy;
	char **services;
	unsigned services_cnt;
	uint32_t *max_restarts; // within window_ms; 0 = no limit
	uint32_t *window_ms;
};

struct topo_logs {
	char *folder, *max_size;
	uint32_t *keep;
};

struct topo_job {
	char *complete;
	char **balance;
	unsigned balance_cnt;
	char **zero;
	unsigned zero_cnt;
	char **progress;
	unsigned progress_cnt;
};

struct topo_chaos {
	enum topo_bool enabled;
	char **services;
	unsigned services_cnt;
	uint32_t *every_ms; // least and most
	unsigned every_ms_cnt;
	uint32_t *seed;
};

struct topo_data {
	char *group;
	struct topo_service *services;
	unsigned services_cnt;
	struct topo_channel *channels;
	unsigned channels_cnt;
	struct topo_pool *pools;
	unsigned pools_cnt;
	struct topo_strategy *strategies;
	unsigned strategies_cnt;
	struct topo_logs *logs;
	struct topo_job *job;
	struct topo_chaos *chaos;
};

struct topo_pair {
	const char *key, *value;
	unsigned line, column; // of the value
};

struct topo;

// topo_load reads `file` with the values of sets[0..set_cnt) (each "name=value", as given to --set) put in
// place of the file's own. Returns 0, or -1 with *fail filled: SUP_TOPOLOGY, or SUP_USAGE for a mistake in a
// --set. *out is the caller's, to be freed with topo_free.
int topo_load(struct topo **out, const char *file, const char *const *sets, unsigned set_cnt,
	      struct fail *fail);
// topo_mistakes calls each(ctx, text) for every mistake in form that a file has, where topo_load tells of the first.
// None, if it can't be taken apart so far.
void topo_mistakes(const char *file, const char *const *sets, unsigned set_cnt,
		   void (*each)(void *ctx, const char *text), void *ctx);
void topo_free(struct topo *t); // NULL is allowed

const struct topo_data *topo_data(const struct topo *t);
// topo_report gives the pairs of job.report in the order of the file; they live as long as t.
const struct topo_pair *topo_report(const struct topo *t, unsigned *cnt);

// A place in the file: section ("services", "job", ...), item of a section that is a sequence, key, item of
// the key's sequence. TOPO_NONE and NULL where there is no such level.
struct topo_place {
	const char *section;
	unsigned item;
	const char *key;
	unsigned sub;
};
#define TOPO_NONE UINT32_MAX
// topo_given: whether the file has that key; for lists, which are empty as well where they are not given.
bool topo_given(const struct topo *t, struct topo_place at);
// topo_bad fills *fail with "FILE:LINE:COLUMN: message", SUP_TOPOLOGY, and returns -1. The position is that
// of the deepest level of `at` that the file has.
int topo_bad(const struct topo *t, struct topo_place at, struct fail *fail, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int topo_bad_pair(const struct topo *t, const struct topo_pair *at, struct fail *fail, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
