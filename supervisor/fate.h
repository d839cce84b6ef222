// How a process ended, also of one that is no child of this process: where the kernel says it, and to whom.
#ifndef SUPERVISOR_FATE_H
#define SUPERVISOR_FATE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

// fate_of: is the process of `pidfd` dead? Then *info has si_pid, and si_code and si_status as waitid gives them; si_code 0 = nobody
// can say. A child is not reaped. Of another's child (an adopted service) the exit status is known from Linux 6.15 on, or while its
// parent has not reaped it.
bool fate_of(int pidfd, pid_t pid, siginfo_t *info);

// fate_fill sets si_code and si_status as waitid does for that wait status.
void fate_fill(siginfo_t *info, int wait_status);

#endif
