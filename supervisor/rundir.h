// Where the sockets of running groups are: /run/shmchan for root, else $XDG_RUNTIME_DIR/shmchan, else
// /tmp/shmchan-UID.
#ifndef SUPERVISOR_RUNDIR_H
#define SUPERVISOR_RUNDIR_H

#include <stddef.h>
#include <stdint.h>
#include "supervisor/exits.h"

#define RUNDIR_PATH_MAX 108 // of a socket address

// rundir_make makes the folder if needed (mode 0700). Errors: SUP_SYSTEM, also when the folder is not this
// user's alone.
int rundir_make(struct fail *fail);
// rundir_socket writes the path of `group`'s socket for `what` ("sock": control, "notify") to
// out[RUNDIR_PATH_MAX]. Errors: SUP_SYSTEM, it is longer than a socket address holds.
int rundir_socket(char *out, const char *group, const char *what, struct fail *fail);

// rundir_open_notify lets every user send to the notify socket of a group (who did is known from the kernel), and to
// reach it in its folder, which stays unreadable.
int rundir_open_notify(const char *group, struct fail *fail);

// rundir_lock makes this process the only one that runs, or cleans up after, `group`: from before the first look at its segments until all is
// gone. The kernel lets go of the lock when the process dies; wait_ns is for one that is about to. Returns a descriptor (close-on-exec), or -1: SUP_RUNNING (with the pid of the holder),
// SUP_SYSTEM. rundir_unlock removes the file and closes; -1 is allowed.
int rundir_lock(const char *group, uint64_t wait_ns, struct fail *fail);
void rundir_unlock(const char *group, int lock);
// rundir_keep_lock: is `lock`, from before an execve, the lock of the group, held by this process? Returns it, or -1: SUP_SYSTEM.
int rundir_keep_lock(const char *group, int lock, struct fail *fail);

#endif
