#include "shmchan/err.h"

const char *shmchan_strerror(int code)
{
	switch (code) {
	case SHMCHAN_OK:
		return "success";
	case SHMCHAN_FULL:
		return "channel is full";
	case SHMCHAN_EMPTY:
		return "channel is empty";
	case SHMCHAN_TIMEOUT:
		return "timed out";
	case SHMCHAN_PEER_DIED:
		return "peer died";
	case SHMCHAN_INTR:
		return "interrupted by a signal";
	case SHMCHAN_EINVAL:
		return "invalid argument";
	case SHMCHAN_ENOENT:
		return "no such object";
	case SHMCHAN_EPERM:
		return "not declared for this service";
	case SHMCHAN_ELAYOUT:
		return "made by another version of libshmchan";
	case SHMCHAN_ECORRUPT:
		return "value in shared memory out of bounds";
	case SHMCHAN_ETRUNC:
		return "segment is truncated";
	case SHMCHAN_EEXIST:
		return "exists already";
	case SHMCHAN_ESYS:
		return "system call failed";
	case SHMCHAN_EXHAUSTED:
		return "no free block";
	case SHMCHAN_ESTALE:
		return "superseded by another incarnation";
	case SHMCHAN_ENOMEM:
		return "out of memory";
	case SHMCHAN_EBUSY:
		return "a service that must be stopped for this runs";
	default:
		return "unknown error";
	}
}
