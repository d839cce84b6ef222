// A stream on request, for bench_probes.c: says "GROUP PID-OF-PRODUCER", then for each COUNT on stdin the nanoseconds per
// message. Built twice, with and without probes in the library.
#include <inttypes.h>
#include <stdio.h>
#include "tests/bpf/bench_stream.h"

int main(void)
{
	struct stream *s = stream_start();
	uint64_t cnt;

	if (s == NULL)
		return 1;
	printf("%s %d\n", stream_group(s), stream_pid(s));
	fflush(stdout);
	while (scanf("%" SCNu64, &cnt) == 1) {
		printf("%.3f\n", stream_run(s, cnt));
		fflush(stdout);
	}
	stream_stop(s);
	return 0;
}
