// A producer and a consumer, processes of their own, that stream 64-byte messages when told to.
#ifndef TESTS_BENCH_STREAM_H
#define TESTS_BENCH_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct stream;

struct stream *stream_start(void); // NULL after a message on stderr
void stream_stop(struct stream *s);
const char *stream_group(const struct stream *s);
// stream_run sends `cnt` messages and returns the nanoseconds per message that the consumer measured, < 0 on failure.
double stream_run(struct stream *s, uint64_t cnt);

#endif
