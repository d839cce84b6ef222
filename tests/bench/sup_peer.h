// Supervisors, each as a process of ours with a folder of its own: ours, the bare loop that is the floor, and those a user
// would take instead. None touches the system: no init is booted, nothing outside the folder is written, and what is ended
// are our own children alone.
#ifndef TESTS_BENCH_SUP_PEER_H
#define TESTS_BENCH_SUP_PEER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include "tests/bench/sup_page.h"

#define SUP_PATIENCE_NS UINT64_C(8000000000)

struct sup_run;

struct sup_peer {
	const char *name;
	const char *program, *package; // what must be in PATH, and who brings it; NULL = always there
	bool (*start)(struct sup_run *r);
	void (*end)(struct sup_run *r); // NULL = SIGKILL, and what it leaves is found
	const char *var;                // one more environment variable of its services; NULL = none
};

// What it runs: `cnt` services of sup-worker in one mode.
struct sup_run {
	const struct sup_peer *peer;
	unsigned cnt;
	const char *mode;
	pid_t pid;
	uint64_t begin_ns; // right before it was started
	int notify;        // where its shmsup says READY=1
	char dir[64], worker[512];
	struct sup_page *page;
};

extern const struct sup_peer sup_peers[];
extern const unsigned sup_peer_cnt;

// sup_init: once, before all others; the programs lie beside this one. False if they can't be found. After SIGINT or SIGTERM
// nothing is waited for and nothing started: who has runs ends them.
bool sup_init(void);
extern volatile sig_atomic_t sup_stopped;
bool sup_missing(const struct sup_peer *p);

// sup_start starts it and waits for nothing. False if it can't, said on stderr. sup_end ends it and all its services.
bool sup_start(struct sup_run *r, const struct sup_peer *p, unsigned cnt, const char *mode);
void sup_end(struct sup_run *r);

// sup_spin: a process of ours that only uses a processor, until sup_spare.
pid_t sup_spin(void);
void sup_spare(pid_t pid);

uint64_t sup_now(void); // CLOCK_MONOTONIC, ns
uint32_t sup_lives(const struct sup_run *r, unsigned number);
// sup_wait waits until service `number` has had more than `lives` lives; false after `ns`.
bool sup_wait(struct sup_run *r, unsigned number, uint32_t lives, uint64_t ns);
// The n-th life, counted from 0.
const struct sup_life *sup_life(const struct sup_run *r, unsigned number, uint32_t n);
// sup_ready waits until its shmsup has said READY=1, that is, until all its services are ready; false after `ns`.
bool sup_ready(struct sup_run *r, uint64_t ns);

#endif
