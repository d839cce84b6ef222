// What the services that tests start have in common. They end with exit status 1, and a line, when they can't go on.
#ifndef TESTS_SUPERVISOR_ACT_H
#define TESTS_SUPERVISOR_ACT_H

#include <signal.h>
#include "shmchan/shmchan.h"

#define WAIT_NS 50000000 // a SIGTERM just before a wait is seen after it

extern struct shmchan_proc *me;       // after attach
extern volatile sig_atomic_t ended;   // SIGTERM has come

void catch_term(void);
_Noreturn void die(const char *what, int code);
void attach(void); // as the environment says; catches SIGTERM
struct shmchan *open_end(const char *name, int end);
// answer_to answers m in `out` as often as it takes, unless it is ended.
void answer_to(struct shmchan *in, struct shmchan *out, const struct shmchan_msg *m);
// answer_all answers what comes from channel `name` in "answers", from ready until SIGTERM.
void answer_all(const char *name);
unsigned number(const char *s); // NULL = 0

#endif
