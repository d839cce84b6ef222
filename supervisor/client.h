// The commands that talk to a running supervisor. Each prints its answer on standard output, and what went
// wrong as one line on standard error.
#ifndef SUPERVISOR_CLIENT_H
#define SUPERVISOR_CLIENT_H

#include <stdbool.h>
#include "supervisor/exits.h"

// Exit statuses: SUP_NO_GROUP, SUP_UNREACHABLE, SUP_REFUSED (with the supervisor's reason), SUP_USAGE for a
// bad name.
enum sup_exit client_status(const char *group, bool json);
enum sup_exit client_kill(const char *group, const char *service, int signal);
enum sup_exit client_restart(const char *group,
			     const char *service); // returns when the new incarnation is ready
// client_start, client_stop: one service, or with NULL the group: what is down in it is started, all of it is ended. They
// return when what is started is ready, and when what is stopped is gone.
enum sup_exit client_start(const char *group, const char *service);
enum sup_exit client_stop(const char *group, const char *service);
// client_upgrade returns when the supervisor has gone on as `binary`, or, with NULL, as its own program read anew.
enum sup_exit client_upgrade(const char *group, const char *binary);
// client_scale: "worker=4"; returns when so many of its replicas are ready and the others gone.
enum sup_exit client_scale(const char *group, const char *what);
// client_events prints the last events, of numbers above `after`, and with follow each further one until the group ends; as text, or as one JSON
// object per line. Ends with SUP_UNREACHABLE when the supervisor dies, or drops this client because it reads too slowly.
enum sup_exit client_events(const char *group, long long after, bool follow, bool json);

// client_logs prints what a service, or with NULL each one, has written to its log, oldest first, and with `follows` what it
// writes from then on, until the group ends. SUP_REFUSED: there are no logs.
enum sup_exit client_logs(const char *group, const char *service, bool follows);

// client_signal_number: 9, "9", "KILL", "SIGKILL", "kill" -> SIGKILL; 0 if it is none.
int client_signal_number(const char *name);

#endif
