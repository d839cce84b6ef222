// A running group: its services' processes, and the one sequence that every death goes through:
//
//	pidfd readable -> rest of the process group killed -> waitid -> shmchan_broker_recover -> judged
//	-> shmchan_broker_announce -> posix_spawn
//
// Where it is seen earlier (early.h), the death is counted and the group recovered then. If there is a spare (spare.h) all the
// rest is done then too, and the spare is given the slot instead of the posix_spawn, and only then are peers woken; else it follows
// with the pidfd.
#ifndef SUPERVISOR_GROUP_H
#define SUPERVISOR_GROUP_H

#include <signal.h>
#include "supervisor/alert.h"
#include "supervisor/chaos.h"
#include "supervisor/control.h"
#include "supervisor/corpse.h"
#include "supervisor/early.h"
#include "supervisor/events.h"
#include "supervisor/hang.h"
#include "supervisor/keep.h"
#include "supervisor/launch.h"
#include "supervisor/logs.h"
#include "supervisor/look.h"
#include "supervisor/loop.h"
#include "supervisor/notify.h"
#include "supervisor/pins.h"
#include "supervisor/plan.h"
#include "supervisor/poison.h"
#include "supervisor/progress.h"
#include "supervisor/report.h"
#include "supervisor/scale.h"
#include "supervisor/spare.h"
#include "supervisor/tell.h"
#include "supervisor/upgrade.h"
#include "supervisor/strategy.h"

enum group_adopt {
	GROUP_ADOPT_NEVER,  // what a killed supervisor left is ended and removed
	GROUP_ADOPT_IF_ANY, // the group is taken over where it was left; if there is none, it is begun
	GROUP_ADOPT_ONLY,   // if there is none, that is an error
};

struct group_options {
	const char *report_file; // NULL = none
	bool verbose;            // also tell of deaths that were asked for
	enum loop_kind loop;
	enum group_adopt adopt;
	struct stand_in *stand_in; // this was the guardian of an upgrade that failed; NULL
	int argc; // of this program, for the one that it may go on as
	char **argv;
};

// group_run creates the group of `plan`, runs it until its job is complete, it failed, or it was told to
// stop, ends every process and removes everything. Returns the exit status; the reasons have been said.
// Blocks the signals it handles. With options->adopt: as if this process had been the group's supervisor from its beginning.
enum sup_exit group_run(struct plan *plan, const struct group_options *options);

// ---- inside: group.c, group_service.c and group_verbs.c

enum service_found { // at the adoption of its group
	SERVICE_AS_KEPT,
	SERVICE_ALIVE,
	SERVICE_DIED,   // `fate` has what is known of it
	SERVICE_UNBORN, // announced, but no process was started
};

enum group_end { // why a group ends
	GROUP_RUNS,
	GROUP_COMPLETE,
	GROUP_ALL_ENDED,
	GROUP_SERVICE_FAILED,
	GROUP_JOB_FAILED,
	GROUP_INTERRUPTED,
	GROUP_STOPPED,
	GROUP_BROKEN, // the supervisor itself can't go on
};

struct group;

struct service {
	struct loop_watch pidfd; // fd < 0: no process
	struct loop_timer timer; // of the state it is in
	struct early early;
	struct spare spare;
	struct group *group;
	const struct plan_service *plan;
	struct launch launch;
	struct pins_seen pins;
	unsigned slot;
	enum svc_state state;
	pid_t pid;            // 0 = none
	unsigned incarnation; // 0 = never spawned
	unsigned mourned;     // incarnation whose death is counted
	pid_t corpse;         // its process, while its death is gone through
	bool recovered;       // and what it left is repaired, as `repair` says
	bool was_early;       // that was before its pidfd said so
	bool repairing;       // the repair waits for `holder`, who has a lock
	struct shmchan_repair repair;
	struct shmchan_holder holder;
	struct loop_timer repair_timer;
	uint64_t spawns, deaths;
	uint64_t chaos_kills;  // of these deaths, those that chaos was the cause of
	bool chaosed;          // it has been sent to this incarnation
	uint64_t since_ns;    // in its state
	uint64_t spawned_ns;  // its process
	int asked_signal;     // that the supervisor sent it; 0 = none
	bool was_ready, late, hung;  // of this incarnation
	bool told_start, told_ready; // of it, as events
	bool reserved;               // a replica that is not wanted now
	bool wanted_again;           // when it is stopped
	uint64_t delay_ns;           // of its back-off
	uint64_t drain_until_ns;     // it goes on until its channels are empty, but no longer; 0 = it is not drained
	bool doomed;                 // given up with others of its strategy
	struct hang hang;
	uint64_t watchdogs;          // WATCHDOG=1 that this incarnation has sent
	bool reaping;                // inside service_reap: its events come after that of the death
	bool blocked;         // scratch of group_go_on
	bool held;            // stopped by a command: it is there to be started again
	bool adopted;         // this incarnation is not this process's child
	enum service_found found;
	siginfo_t fate; // with SERVICE_DIED
	struct svc_history history;
	struct svc_death last; // how the last incarnation died
	char status[NOTIFY_STATUS_MAX];
};

struct group {
	struct plan *plan;
	const struct group_options *options;
	struct shmchan_broker *broker;
	struct loop *loop;
	struct notify *notify;
	struct control *control;
	struct events *events;
	struct report *report;
	struct loop_timer scale_timer;
	struct look *look;
	struct logs *logs;
	struct hang_watch hang_watch;
	struct alert alert;
	struct strategy *strategies;
	struct poison *poison;
	struct launcher launcher;
	struct keep *keep;
	enum keep_phase phase;
	enum sup_exit exit_status; // when finished
	unsigned adoptions, upgrades;
	bool is_taken; // by either
	struct handover *handover; // from the program that this process was; NULL
	struct upgrade upgrade;
	bool gives_way; // to another supervisor, after this turn
	bool adopting; // taking over, and not yet its supervisor
	int lock; // rundir_lock
	struct progress progress;
	struct tell tell;
	struct chaos chaos;
	struct service *services;
	unsigned service_cnt;
	struct corpse *corpses;
	struct loop_watch signals;
	struct loop_timer retry; // PEER_DIED answers that found no room
	struct loop_timer go_on; // group_go_on, once per turn
	enum group_end end;
	bool stopping;
	int signal; // that interrupted it
	uint64_t begin_ns, end_ns;
	uint64_t random;
	struct fail broken;
};

// group_go_on starts and stops what can be now, after this turn of the loop.
void group_go_on_soon(struct group *g);
// group_stop begins to stop the group, for a reason; the first reason stays.
void group_stop(struct group *g, enum group_end why);
void group_broken(struct group *g, const struct fail *why);
uint64_t group_respawns(const struct group *g);
bool group_done(const struct group *g); // nothing runs and nothing will
// group_end.c: group_finish reports and says how the group ended, and returns its exit status. After every process has ended: the
// counters rest, and are exact.
enum sup_exit group_finish(struct group *g);

// service_init prepares service i; service_feed gives it an event and carries the action out. Returns false
// if it was refused.
int service_init(struct group *g, unsigned i, const char *notify_path, struct fail *fail);
bool service_feed(struct service *s, enum svc_event event);
// service_signal sends to its process; false if there is none.
bool service_signal(struct service *s, int signal);
void service_kill(struct service *s); // SIGKILL to its process group, and again until it is gone
void service_reap(struct service *s); // if it is dead, what a death leads to
uint64_t service_respawns(const struct service *s);
// service_mourn counts the death of its incarnation and keeps how it died: the first step of every death. service_bury is the rest:
// recovery, judgement, what follows.
void service_mourn(struct service *s, const siginfo_t *info);
void service_bury(struct service *s);
void service_died_early(struct service *s, const siginfo_t *info); // its pidfd does not say so yet
void service_buried(struct service *s); // what comes after the repair
void service_watch(struct service *s);     // its pidfd, and its pulse
void service_terminate(struct service *s); // SIGTERM, SIGKILL after its stop timeout
void service_set_timer(struct service *s, uint64_t after_ns);
// ---- group_repair.c
// service_repair repairs what the dead incarnation left. False: a living process holds a lock that is needed; service_await then tries
// again, and calls service_buried when it is done. group_repair_again: a process has ended, so whoever waits may go on.
bool service_repair(struct service *s);
void service_await(struct service *s);
void group_repair_again(struct group *g);
const char *service_state_name(const struct service *s); // as svc_state_name, or "repairing"

// service_keep, group_keep: what they hold now is what a supervisor that adopts the group begins with.
void service_keep(const struct service *s);
void group_keep(const struct group *g);
// service_death_text: "was killed by SIGSEGV", "ended with exit status 3".
void service_death_text(const struct svc_death *d, char *out, size_t size);

// service_death_keys: the same as keys of an event or a status: how, and signal or exit_status.
void service_death_keys(const struct svc_death *d, json_t *to);

// ---- group_channels.c: verbs that change channels and dead letters
json_t *group_verb_inject(struct group *g, const json_t *request, struct control_wait *wait);
json_t *group_verb_drain(struct group *g, const json_t *request, struct control_wait *wait);
json_t *group_verb_dead_drop(struct group *g, const json_t *request, struct control_wait *wait);
json_t *group_verb_dead_replay(struct group *g, const json_t *request, struct control_wait *wait);
json_t *group_verb_repair(struct group *g, const json_t *request, struct control_wait *wait);

json_t *group_verb(void *group, const json_t *request, struct control_wait *wait);
json_t *group_verb_settle(void *group, const struct control_wait *wait);

#endif
