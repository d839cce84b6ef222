// Changes are the supervisor's: a request to it, by its control socket (supervisor/control.h).
#ifndef TOOLS_ASK_H
#define TOOLS_ASK_H

#include <jansson.h>
#include "tools/shmtool.h"

// ask sends the request, which is the callee's, with the file fd (-1: none) to the supervisor of `group`, and reads the
// reply. Returns EXIT_OK with *reply the caller's; else EXIT_REFUSED after one line with the reason, *reply then being
// what the supervisor said, or NULL.
int ask(const struct cli *cli, const char *group, json_t *request, int fd, json_t **reply);

// ask_group finds the name of the group on the command line, or of the only one that runs, into name of
// SHMCHAN_NAME_MAX bytes. Returns the exit status.
int ask_group(const struct cli *cli, char *name);

#endif
