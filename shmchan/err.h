// Error codes of libshmchan. Every call returns 0 or one of these; the library never prints, never exits
// and never leaves its result in errno.
#ifndef SHMCHAN_ERR_H
#define SHMCHAN_ERR_H

#include <stdint.h>

#define SHMCHAN_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

enum shmchan_err {
	SHMCHAN_OK = 0,
	SHMCHAN_FULL = -1,       // no free cell; try again after the consumer says done
	SHMCHAN_EMPTY = -2,      // nothing to take; try again after a producer commits
	SHMCHAN_TIMEOUT = -3,    // the time given to a waiting call is over
	SHMCHAN_PEER_DIED = -4,  // who should have answered, or who asked, is dead
	SHMCHAN_INTR = -5,       // a signal handler ran while the call slept
	SHMCHAN_EINVAL = -6,     // an argument is outside its contract
	SHMCHAN_ENOENT = -7,     // no such group, object, block or in-flight message
	SHMCHAN_EPERM = -8,      // not declared as a producer, consumer or user of the object
	SHMCHAN_ELAYOUT = -9,    // made by a libshmchan of another layout
	SHMCHAN_ECORRUPT = -10,  // a value in shared memory is outside its bounds
	SHMCHAN_ETRUNC = -11,    // the segment is smaller than its header says
	SHMCHAN_EEXIST = -12,    // the group or object exists already
	SHMCHAN_ESYS = -13,      // a system call failed; shmchan_why says which and its errno
	SHMCHAN_EXHAUSTED = -14, // the pool has no free block
	SHMCHAN_ESTALE =
		-15, // another incarnation has this process slot, or processes of the group still live
	SHMCHAN_ENOMEM = -16, // no memory for a local handle
	SHMCHAN_EBUSY = -17,  // a service that must have no process for this has one, or a lock is held by one that lives
};

// shmchan_strerror says in a few words what a code means. Never NULL, also for unknown codes.
SHMCHAN_API const char *shmchan_strerror(int code);

// What a cold call (attach, open, create) can say about its failure beyond the code.
struct shmchan_why {
	int code;
	int sys_errno;   // of the failed system call, else 0
	char object[64]; // name of the segment or object
	char text[192];  // one line, no newline
};

#ifdef __cplusplus
}
#endif
#endif
