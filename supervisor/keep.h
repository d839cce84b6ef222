// What a supervisor must know to go on where another was killed: a file of the run folder that it maps, so that every store is there
// for the next one. What exists (incarnations, pids) is the control segment's to say; here is what came of it.
//
// What is read from it is input: numbers may be any, but flags are flags, texts end, and events have their bounds.
//
// A record has two copies and a number that says which one holds: the other is written, then the number is
// stored. So a supervisor that is killed at any instruction leaves one whole record, the old or the new one.
#ifndef SUPERVISOR_KEEP_H
#define SUPERVISOR_KEEP_H

#include <stdint.h>
#include "shmchan/shmchan.h"
#include "supervisor/alert.h"
#include "supervisor/exits.h"
#include "supervisor/hang.h"
#include "supervisor/notify.h"
#include "supervisor/poison.h"
#include "supervisor/service.h"
#include "supervisor/strategy.h"

// Raised whenever the meaning of a field changes; their sizes are looked at anyway.
#ifndef KEEP_VERSION // a test is another one
#define KEEP_VERSION 4u
#endif

#define KEEP_STRATEGY_MAX 64 // those of a higher number begin anew with their restarts
#define KEEP_EVENT_CNT 512   // the last ones
#define KEEP_EVENT_MAX 1008  // bytes of a line; of a longer one only the number is kept

struct keep_service {
	enum svc_state state;
	int32_t pid;          // 0 = none, or not yet known
	uint32_t incarnation; // 0 = never announced
	uint32_t mourned;     // incarnation whose death is counted and in `last`
	int32_t asked_signal; // that the supervisor sends it; 0 = none
	bool was_ready, late, hung, held, doomed;
	bool told_start, told_ready, reserved, wanted_again, chaosed;
	uint64_t spawns, deaths, chaos_kills;
	uint64_t since_ns, spawned_ns, due_ns; // CLOCK_MONOTONIC; due_ns of the state's timer, 0 = none
	struct svc_history history;
	struct svc_death last;
	struct hang hang;
	uint64_t watchdogs;
	char status[NOTIFY_STATUS_MAX];
};

enum keep_phase {
	KEEP_CREATING, // its segments may be half made; no process yet
	KEEP_RUNNING,
	KEEP_FINISHED, // reported; its segments may be half removed
};

struct keep_group {
	enum keep_phase phase;
	int32_t end;        // enum group_end
	bool stopping;
	int32_t signal; // that interrupted it
	int32_t exit_status; // when finished
	uint32_t adoptions, upgrades;
	uint64_t begin_ns, end_ns; // CLOCK_MONOTONIC
	uint64_t random, chaos_random;
	struct strategy strategies[KEEP_STRATEGY_MAX];
	uint8_t alerts[ALERT_BYTES]; // as in struct alert
	struct fail broken;
};

struct keep;

// keep_create makes the file of `group`, in the place of one that is there; the caller holds the group's lock. keep_open maps that of a group
// that was left: SUP_NO_GROUP if there is none, SUP_DIFFERS if a shmsup of another layout wrote it.
// keep_close takes NULL; keep_remove unlinks the file, which may be gone.
int keep_create(struct keep **out, const char *group, struct fail *fail);
int keep_open(struct keep **out, const char *group, struct fail *fail);
void keep_close(struct keep *k);
void keep_remove(const char *group);

// slot in [1, SHMCHAN_SLOT_MAX). What was never put is all 0.
void keep_put_service(struct keep *k, unsigned slot, const struct keep_service *s);
void keep_get_service(const struct keep *k, unsigned slot, struct keep_service *out);
void keep_put_group(struct keep *k, const struct keep_group *g);
void keep_get_group(const struct keep *k, struct keep_group *out);

void keep_put_poison(struct keep *k, const struct poison_state *p);
void keep_get_poison(const struct keep *k, struct poison_state *out);
// Of a state of which nothing else has changed; it only grows.
void keep_put_letters(struct keep *k, uint64_t letters);

// keep_put_event keeps the line of event `n`, which is the one before + 1; keep_get_event copies it to out and returns its length, 0 if
// it is not there. keep_last_event: the highest number that was put, 0 = none.
void keep_put_event(struct keep *k, uint64_t n, const char *line, size_t len);
size_t keep_get_event(const struct keep *k, uint64_t n, char out[KEEP_EVENT_MAX]);
uint64_t keep_last_event(const struct keep *k);

// keep_layout: two programs that agree in it can read each other's files.
uint64_t keep_layout(void);

#endif
