#include "supervisor/topology_keys.h"

#include "shmchan/broker.h"
#include <string.h>
#include "supervisor/topology.h"

#define LIST_MAX 4096
#define OPT CYAML_FLAG_OPTIONAL
#define OPT_PTR (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define ENTRIES(a) (a), sizeof(a) / sizeof((a)[0])
#define LIST(key, flags, type, entry, min, max) \
	CYAML_FIELD_SEQUENCE_COUNT(#key, CYAML_FLAG_POINTER | (flags), type, key, key##_cnt, entry, min, max)
#define STRING(key, flags, type) \
	CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | (flags), type, key, 1, 4096)
#define NUMBER_OPT(key, type) CYAML_FIELD_UINT_PTR(#key, OPT_PTR, type, key)

static const cyaml_strval_t bools[] = {{"off", TOPO_NO}, {"no", TOPO_NO},   {"false", TOPO_NO},
				       {"on", TOPO_YES}, {"yes", TOPO_YES}, {"true", TOPO_YES}};
static const cyaml_strval_t restarts[] = {
	{"always", TOPO_ALWAYS}, {"on-failure", TOPO_ON_FAILURE}, {"never", TOPO_NEVER}};
static const cyaml_strval_t readies[] = {{"notify", TOPO_READY_NOTIFY}, {"spawn", TOPO_READY_SPAWN}};
static const cyaml_strval_t kinds[] = {{"slot", SHMCHAN_KIND_SLOT},
				       {"slot-ref", SHMCHAN_KIND_SLOT_REF},
				       {"spsc", SHMCHAN_KIND_SPSC},
				       {"mpsc", SHMCHAN_KIND_MPSC},
				       {"mpsc-list", SHMCHAN_KIND_MPSC_LIST},
				       {"mpsc-intrusive", SHMCHAN_KIND_MPSC_INTRUSIVE},
				       {"mpmc2", SHMCHAN_KIND_MPMC2}};
static const cyaml_strval_t strategies[] = {{"one-for-one", TOPO_ONE_FOR_ONE},
					    {"rest-for-one", TOPO_REST_FOR_ONE},
					    {"one-for-all", TOPO_ONE_FOR_ALL}};
static const cyaml_strval_t seccomps[] = {{"auto", TOPO_SECCOMP_AUTO},
					  {"default", TOPO_SECCOMP_DEFAULT},
					  {"strict", TOPO_SECCOMP_STRICT},
					  {"off", TOPO_SECCOMP_OFF}};
static const cyaml_strval_t logs[] = {{"auto", TOPO_LOG_AUTO},
				      {"file", TOPO_LOG_FILE},
				      {"inherit", TOPO_LOG_INHERIT},
				      {"none", TOPO_LOG_NONE}};
static const cyaml_strval_t crashes[] = {
	{"dead-letter", SHMCHAN_DEAD_LETTER}, {"drop", SHMCHAN_DROP}, {"redeliver", SHMCHAN_REDELIVER}};

static const cyaml_schema_value_t string_entry = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 4096)};
static const cyaml_schema_value_t number_entry = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t)};

static const cyaml_schema_field_t rlimit_fields[] = {STRING(as, OPT, struct topo_rlimits),
						     STRING(core, OPT, struct topo_rlimits),
						     STRING(cpu, OPT, struct topo_rlimits),
						     STRING(data, OPT, struct topo_rlimits),
						     STRING(fsize, OPT, struct topo_rlimits),
						     STRING(locks, OPT, struct topo_rlimits),
						     STRING(memlock, OPT, struct topo_rlimits),
						     STRING(msgqueue, OPT, struct topo_rlimits),
						     STRING(nice, OPT, struct topo_rlimits),
						     STRING(nofile, OPT, struct topo_rlimits),
						     STRING(nproc, OPT, struct topo_rlimits),
						     STRING(rss, OPT, struct topo_rlimits),
						     STRING(rtprio, OPT, struct topo_rlimits),
						     STRING(rttime, OPT, struct topo_rlimits),
						     STRING(sigpending, OPT, struct topo_rlimits),
						     STRING(stack, OPT, struct topo_rlimits),
						     CYAML_FIELD_END};
static const cyaml_schema_field_t service_fields[] = {
	STRING(name, 0, struct topo_service),
	STRING(command, 0, struct topo_service),
	LIST(args, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	LIST(env, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	NUMBER_OPT(replicas, struct topo_service),
	NUMBER_OPT(max_replicas, struct topo_service),
	CYAML_FIELD_ENUM("restart", OPT | CYAML_FLAG_STRICT, struct topo_service, restart, restarts, 3),
	CYAML_FIELD_ENUM("ready", OPT | CYAML_FLAG_STRICT, struct topo_service, ready, readies, 2),
	NUMBER_OPT(ready_timeout_ms, struct topo_service),
	NUMBER_OPT(stop_timeout_ms, struct topo_service),
	NUMBER_OPT(max_deaths, struct topo_service),
	NUMBER_OPT(window_ms, struct topo_service),
	LIST(fatal_exits, OPT, struct topo_service, &number_entry, 0, 255),
	LIST(depends_on, OPT, struct topo_service, &string_entry, 0, LIST_MAX),
	NUMBER_OPT(heartbeat_ms, struct topo_service),
	NUMBER_OPT(spare, struct topo_service),
	CYAML_FIELD_ENUM("log", OPT | CYAML_FLAG_STRICT, struct topo_service, log, logs, 4),
	STRING(user, OPT, struct topo_service),
	LIST(groups, OPT, struct topo_service, &string_entry, 1, 64),
	CYAML_FIELD_ENUM("seccomp", OPT | CYAML_FLAG_STRICT, struct topo_service, seccomp, seccomps, 4),
	LIST(capabilities, OPT, struct topo_service, &string_entry, 0, 64),
	STRING(cpus, OPT, struct topo_service),
	CYAML_FIELD_INT_PTR("nice", OPT_PTR, struct topo_service, nice),
	STRING(memory_limit, OPT, struct topo_service),
	CYAML_FIELD_MAPPING_PTR("rlimits", OPT_PTR, struct topo_service, rlimits, rlimit_fields),
	CYAML_FIELD_END};
static const cyaml_schema_field_t channel_fields[] = {
	STRING(name, 0, struct topo_channel),
	STRING(each, OPT, struct topo_channel),
	CYAML_FIELD_ENUM("kind", CYAML_FLAG_STRICT, struct topo_channel, kind, kinds, 7),
	NUMBER_OPT(capacity, struct topo_channel),
	CYAML_FIELD_UINT("message_size", OPT, struct topo_channel, message_size),
	LIST(producers, 0, struct topo_channel, &string_entry, 1, LIST_MAX),
	LIST(consumers, 0, struct topo_channel, &string_entry, 1, LIST_MAX),
	CYAML_FIELD_ENUM("on_crash", OPT | CYAML_FLAG_STRICT, struct topo_channel, on_crash, crashes, 3),
	NUMBER_OPT(max_deliveries, struct topo_channel),
	NUMBER_OPT(alert_depth, struct topo_channel),
	LIST(tally, OPT, struct topo_channel, &string_entry, 0, SHMCHAN_TALLY_MAX),
	CYAML_FIELD_END};
static const cyaml_schema_field_t pool_fields[] = {
	STRING(name, 0, struct topo_pool),
	NUMBER_OPT(block_size, struct topo_pool),
	NUMBER_OPT(block_count, struct topo_pool),
	LIST(classes, OPT, struct topo_pool, &string_entry, 1, SHMCHAN_POOL_CLASSES),
	LIST(users, 0, struct topo_pool, &string_entry, 1, LIST_MAX), CYAML_FIELD_END};
static const cyaml_schema_field_t strategy_fields[] = {
	STRING(name, 0, struct topo_strategy),
	CYAML_FIELD_ENUM("strategy", CYAML_FLAG_STRICT, struct topo_strategy, strategy, strategies, 3),
	LIST(services, 0, struct topo_strategy, &string_entry, 1, LIST_MAX),
	NUMBER_OPT(max_restarts, struct topo_strategy),
	NUMBER_OPT(window_ms, struct topo_strategy),
	CYAML_FIELD_END};
static const cyaml_schema_field_t log_fields[] = {STRING(folder, 0, struct topo_logs),
						  STRING(max_size, OPT, struct topo_logs),
						  NUMBER_OPT(keep, struct topo_logs), CYAML_FIELD_END};
static const cyaml_schema_field_t job_fields[] = {STRING(complete, 0, struct topo_job),
						  CYAML_FIELD_IGNORE("report", OPT),
						  LIST(balance, OPT, struct topo_job, &string_entry, 2, 64),
						  LIST(zero, OPT, struct topo_job, &string_entry, 0, 64),
						  LIST(progress, OPT, struct topo_job, &string_entry, 0, 64),
						  CYAML_FIELD_END};
static const cyaml_schema_field_t chaos_fields[] = {
	CYAML_FIELD_ENUM("enabled", OPT | CYAML_FLAG_STRICT, struct topo_chaos, enabled, bools, 6),
	LIST(services, 0, struct topo_chaos, &string_entry, 1, LIST_MAX),
	LIST(every_ms, 0, struct topo_chaos, &number_entry, 2, 2), NUMBER_OPT(seed, struct topo_chaos),
	CYAML_FIELD_END};

static const cyaml_schema_value_t service_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_service, service_fields)};
static const cyaml_schema_value_t channel_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_channel, channel_fields)};
static const cyaml_schema_value_t pool_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_pool, pool_fields)};

static const cyaml_schema_value_t strategy_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct topo_strategy, strategy_fields)};

static const cyaml_schema_field_t top_fields[] = {
	STRING(group, 0, struct topo_data),
	CYAML_FIELD_IGNORE("variables", OPT),
	LIST(services, 0, struct topo_data, &service_entry, 1, SHMCHAN_NAME_MAX * 32),
	LIST(channels, OPT, struct topo_data, &channel_entry, 0, LIST_MAX),
	LIST(pools, OPT, struct topo_data, &pool_entry, 0, LIST_MAX),
	LIST(strategies, OPT, struct topo_data, &strategy_entry, 0, LIST_MAX),
	CYAML_FIELD_MAPPING_PTR("logs", OPT_PTR, struct topo_data, logs, log_fields),
	CYAML_FIELD_MAPPING_PTR("job", OPT_PTR, struct topo_data, job, job_fields),
	CYAML_FIELD_MAPPING_PTR("chaos", OPT_PTR, struct topo_data, chaos, chaos_fields),
	CYAML_FIELD_END};
const cyaml_schema_value_t topo_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct topo_data, top_fields)};
const cyaml_schema_field_t *const topo_top_fields = top_fields;

static const cyaml_schema_field_t *find(const cyaml_schema_field_t *fields, const char *here, const char *section,
					const char *key)
{
	const cyaml_schema_field_t *found = NULL;

	for (const cyaml_schema_field_t *f = fields; f->key && !found; f++) {
		const cyaml_schema_value_t *v = &f->value;

		if (strcmp(here, section) == 0 && strcmp(f->key, key) == 0)
			return f;
		if (v->type == CYAML_SEQUENCE)
			v = v->sequence.entry;
		if (v->type == CYAML_MAPPING)
			found = find(v->mapping.fields, f->key, section, key);
	}
	return found;
}

const cyaml_schema_field_t *topo_field_find(const char *section, const char *key)
{
	return find(top_fields, "topology", section, key);
}

const char *topo_word(const char *section, const char *key, int64_t value)
{
	const cyaml_schema_field_t *f = topo_field_find(section, key);

	for (uint32_t i = 0; f && f->value.type == CYAML_ENUM && i < f->value.enumeration.count; i++)
		if (f->value.enumeration.strings[i].val == value)
			return f->value.enumeration.strings[i].str;
	return "";
}
