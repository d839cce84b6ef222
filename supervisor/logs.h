// What services write: each one's standard output and error, appended by itself to FOLDER/SERVICE.log, so that neither the
// supervisor's death nor a slow reader disturbs it.
//
// Rotation by size: the services hold the file open, so it is neither renamed nor replaced. Once a second its size is looked
// at; where it has more than max_size bytes, its content is copied to SERVICE.log.1 (after .1 became .2, and so on), and
// then a hole is punched where it stood (fallocate(2)): no byte that is written meanwhile is lost, and the disk's space is
// free. The file begins with a hole from then on: its size as `ls` shows it grows, what it takes (`du`) does not. Limits:
//	- Between two looks a service may write more than max_size.
//	- Where the file system knows no holes, and at a size of 1 TiB, the file is cut to nothing in place of that: what is
//	  written between the end of the copy and the cut is lost.
//	- A supervisor that is killed in the middle of it leaves what was copied in both files.
#ifndef SUPERVISOR_LOGS_H
#define SUPERVISOR_LOGS_H

#include "supervisor/loop.h"
#include "supervisor/plan.h"

struct logs;

// logs_open makes the folder and opens the files of those services of the plan that have one. plan must outlive it. *out is
// NULL if there are none. Errors: SUP_SYSTEM. logs_close takes NULL; the files stay.
int logs_open(struct logs **out, struct loop *l, const struct plan *plan, struct fail *fail);
void logs_close(struct logs *l);

// logs_fd: the descriptor that service i of the plan is to write to; -1 = the supervisor's own output.
int logs_fd(const struct logs *l, unsigned i);
const char *logs_folder(const struct logs *l); // absolute; NULL if there are none

// logs_begin: where the content of an open log begins, behind its hole.
uint64_t logs_begin(int fd, uint64_t size);

#endif
