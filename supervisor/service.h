// The life of one service, as a table of states and events, and the judgement of a death. Pure: no system
// call, no clock; group.c feeds the events and carries the actions out.
//
//	waiting --start--> starting --ready--> ready
//	starting, ready: a death leads to starting (at once), backoff (later), done or failed, as svc_judge says
//	starting, ready --restart--> restarting --death--> starting;   --stop--> stopping --death--> stopped
//	starting, ready --recall--> recalled --death--> waiting;       stopped, done, failed --recall--> waiting
#ifndef SUPERVISOR_SERVICE_H
#define SUPERVISOR_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

enum svc_state {
	SVC_WAITING,  // for what it depends on
	SVC_STARTING, // spawned, not ready
	SVC_READY,
	SVC_BACKOFF,    // dead, to be spawned after a delay
	SVC_RESTARTING, // asked to end; spawned again when dead
	SVC_RECALLED,   // asked to end; waits for its turn to start when dead
	SVC_STOPPING,   // asked to end
	SVC_STOPPED,
	SVC_DONE,   // ended by itself, and its restart policy wants no other
	SVC_FAILED, // given up
	SVC_STATE_CNT
};

enum svc_event {
	SVC_EV_START, // all it depends on is ready
	SVC_EV_READY,
	SVC_EV_RESPAWN, // died; svc_judge: spawn at once
	SVC_EV_DELAY,   // died; spawn after a delay
	SVC_EV_END,     // died; that was all
	SVC_EV_GIVE_UP, // died; another incarnation would die as well
	SVC_EV_TIMER,   // of the state it is in: ready timeout, back-off, stop timeout
	SVC_EV_STOP,
	SVC_EV_RESTART,
	SVC_EV_RECALL, // to begin again from waiting, with others
	SVC_EVENT_CNT
};

enum svc_action {
	SVC_DO_NOTHING,
	SVC_DO_SPAWN,
	SVC_DO_NOTE_READY,
	SVC_DO_WAIT, // set the timer to the delay of the judgement
	SVC_DO_TERM, // SIGTERM, and the timer to the stop timeout
	SVC_DO_KILL, // SIGKILL to the process group
	SVC_DO_REST, // nothing of it runs now
	SVC_DO_REFUSE,
	SVC_ACTION_CNT
};

struct svc_step {
	enum svc_state next;
	enum svc_action action;
};

struct svc_step svc_step(enum svc_state state, enum svc_event event);
const char *svc_state_name(enum svc_state state); // never NULL
bool svc_has_process(enum svc_state state);       // starting, ready, restarting, recalled, stopping
bool svc_is_down(enum svc_state state);           // nothing runs and nothing will by itself

enum svc_restart { SVC_RESTART_ALWAYS, SVC_RESTART_ON_FAILURE, SVC_RESTART_NEVER };

struct svc_policy {
	enum svc_restart restart;
	uint64_t fatal_exits[4]; // bit n: after exit status n, give up
	uint32_t max_deaths;     // deaths of its own in window_ns before it is given up; 0 = no limit
	uint64_t window_ns;
};

struct svc_history {
	uint32_t early;        // weight of the deaths before readiness, since the last readiness
	uint32_t quick;        // deaths of its own when ready, each before SVC_HEALTHY_NS, in a row
	uint32_t deaths;       // of its own, in the window
	uint64_t window_start; // ns
};

struct svc_death {
	bool spawn_failed; // there was no process: posix_spawn failed
	bool unknown;      // nobody can say how it died: its supervisor was dead as well. Taken for SIGKILL
	bool asked;        // the supervisor killed it: a command, chaos
	bool late;         // the supervisor killed it because it was not ready in time: its own failure
	bool hung;         // the supervisor killed it because it made no progress: its own failure
	bool ready;        // it had been ready
	uint64_t lived_ns; // from its spawn
	int code, status; // as in siginfo_t: CLD_EXITED and exit status, or CLD_KILLED, CLD_DUMPED and signal
};

#define SVC_HEALTHY_NS UINT64_C(2000000000) // who lived that long was well
#define SVC_MAX_DEATHS 10                    // where the topology does not say
#define SVC_WINDOW_NS UINT64_C(10000000000)

// svc_judge says what a death leads to. A service that was well when it died is spawned at once. One that dies in less than
// SVC_HEALTHY_NS, or before it is ready, is spawned at once for the first three such deaths in a row, then after 10 ms,
// doubling to 2 s or what lets max_deaths come together within window_ns, with up to a quarter of jitter from `random`; health
// begins this again. It is given up
// after max_deaths of its own within window_ns, or after ten in a row before readiness. SIGKILL comes from outside:
// of a service that was ready it weighs nothing, before readiness a fifth of an own failure; deaths that the supervisor asked
// for weigh nothing. Returns RESPAWN, DELAY (with *delay_ns set),
// END or GIVE_UP.
enum svc_event svc_judge(const struct svc_policy *policy, struct svc_history *history,
			 const struct svc_death *death, uint64_t now_ns, uint32_t random, uint64_t *delay_ns);
// svc_healthy forgets the early deaths: the service is ready.
void svc_healthy(struct svc_history *history);

#endif
