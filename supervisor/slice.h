// How soon this process runs when it is woken. Linux gives the processor to who is woken only if what runs there has had its
// slice, 1 to 3 ms, also while another processor is idle; a process with a shorter slice of its own does not wait for that (Linux 6.12).
// Its share of the processor stays the same. The one who wakes the supervisor is the service that dies, on its way out.
#ifndef SUPERVISOR_SLICE_H
#define SUPERVISOR_SLICE_H

// slice_shorten asks for the shortest slice, for this thread and not for what it will start. Where the kernel knows none, or this
// process has been given another policy or more weight than most (nice below 0), it does nothing.
void slice_shorten(void);

#endif
