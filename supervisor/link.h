// The client's end of the control socket.
#ifndef SUPERVISOR_LINK_H
#define SUPERVISOR_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include "supervisor/exits.h"

struct link {
	const char *group;
	int fd;
	struct fail fail; // of the call that returned -1
	char *buf;        // what was read: CONTROL_OUTPUT_MAX bytes
	size_t len, used;
};

// link_open connects to the supervisor of `group`, whose name must outlive the link. has_limit: one that does not answer
// within ten seconds is taken for dead. Returns 0, or -1: SUP_USAGE a bad name, SUP_NO_GROUP, SUP_UNREACHABLE, SUP_SYSTEM.
int link_open(struct link *l, const char *group, bool has_limit);
void link_close(struct link *l);
// link_send sends a request, which is the callee's.
int link_send(struct link *l, json_t *request);
// link_send_file does the same and lets a file go along; fd stays the caller's. fd < 0: none.
int link_send_file(struct link *l, json_t *request, int fd);
// link_read reads a line; *out is NULL at the end of the connection.
int link_read(struct link *l, json_t **out);
// link_check: is that a reply, and does it say ok? SUP_REFUSED with the supervisor's reason, or SUP_UNREACHABLE.
int link_check(struct link *l, const json_t *reply);
// link_ask opens, sends the request (which is the callee's), reads the reply into *out, checks it and closes.
int link_ask(struct link *l, const char *group, json_t *request, bool has_limit, json_t **out);
// link_failed prints why and returns the exit status.
enum sup_exit link_failed(const struct link *l);

#endif
