// collector: compares every verdict with the one its request has to get, and counts. What it knows is in
// shared memory: the counts in the channel, advanced by the same store that completes a message, and a bit
// per answered request in a block that survives it.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "procs/common/cases.h"
#include "procs/common/proto.h"
#include "procs/common/service.h"

// Places at which --die-at can end it: a verdict is taken; its request is marked; it is counted and not
// completed.
static const char *const points[] = {"after-take", "after-mark", "before-done", NULL};

#define MARKS_TAG UINT64_C(0x736b72616d) // "marks"

struct collector {
	struct service s;
	uint64_t requests;
	struct shmchan *verdicts;
	uint8_t *marks; // bit n: request n has been answered
};

// The bitmap of an earlier incarnation, or a block of zeroes that is kept from then on. A death before it is
// kept frees it, and nothing was marked in it.
static void open_marks(struct collector *c)
{
	struct shmchan_pool *pool = service_pool(&c->s, PROTO_MARKS);
	size_t bytes = shmchan_pool_block_size(pool);
	shmchan_block b;
	int rc;

	if (c->requests / 8 >= bytes)
		service_fail(&c->s, SERVICE_GROUP,
			     "cannot mark %" PRIu64 " requests in pool '" PROTO_MARKS
			     "': its blocks have %zu bytes",
			     c->requests, bytes);
	rc = shmchan_block_kept(pool, MARKS_TAG, &b);
	if (rc == SHMCHAN_ENOENT) {
		rc = shmchan_block_alloc(pool, &b);
		if (!rc) {
			memset(shmchan_block_data(pool, b), 0, bytes);
			rc = shmchan_block_keep(pool, b, MARKS_TAG);
		}
	}
	if (rc)
		service_fail(&c->s, SERVICE_GROUP, "cannot get its block of pool '" PROTO_MARKS "': %s",
			     shmchan_strerror(rc));
	c->marks = shmchan_block_data(pool, b);
}

// Marks request n; was it marked?
static bool mark(struct collector *c, uint64_t n)
{
	uint8_t bit = 1 << n % 8, was = c->marks[n / 8] & bit;
	c->marks[n / 8] |= bit;
	return was;
}

static enum proto_tally judge(struct collector *c, const struct shmchan_msg *m)
{
	uint64_t n = m->corr - proto_request_corr(0);
	struct proto_verdict v;

	if (n >= c->requests) {
		service_warn(&c->s,
			     "got a verdict on request %" PRIu64 ", which does not exist; counted as wrong",
			     n);
		return PROTO_TALLY_WRONG;
	}
	if (mark(c, n)) {
		service_warn(&c->s, "got another verdict on request %" PRIu64 "; counted as twice", n);
		return PROTO_TALLY_TWICE;
	}
	if (m->status == SHMCHAN_PEER_DIED)
		return PROTO_TALLY_PEER_DIED;
	if (m->type != PROTO_VERDICT || m->len != sizeof(v)) {
		service_warn(&c->s, "got a message of type %u and %" PRIu32 " bytes; counted as wrong",
			     m->type, m->len);
		return PROTO_TALLY_WRONG;
	}
	memcpy(&v, m->data, sizeof(v));
	if (!cases_expect(n, v.answer, v.reason)) {
		service_warn(&c->s, "request %" PRIu64 " (%s) was judged %s: %s; counted as wrong", n,
			     cases_kind_text(cases_kind(n)), proto_answer_name(v.answer),
			     proto_reason_text(v.reason));
		return PROTO_TALLY_WRONG;
	}
	return v.answer == PROTO_VALID ? PROTO_TALLY_VALID : PROTO_TALLY_INVALID;
}

// Every request is answered, was in flight in a worker that died, or in a collector that died.
static bool complete(const struct collector *c)
{
	static const enum proto_tally once[] = {PROTO_TALLY_VALID, PROTO_TALLY_INVALID, PROTO_TALLY_PEER_DIED,
						PROTO_TALLY_WRONG};
	struct shmchan_stat st;
	uint64_t sum;

	shmchan_stat(c->verdicts, &st);
	sum = st.dead;
	for (unsigned i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		sum += shmchan_tally_get(c->verdicts, once[i]);
	return sum >= c->requests;
}

static void serve(struct collector *c, const struct shmchan_msg *m)
{
	enum proto_tally tally;
	int rc;

	service_point(&c->s, "after-take");
	tally = judge(c, m);
	service_point(&c->s, "after-mark");
	rc = shmchan_tally_add(c->verdicts, tally, 1);
	service_point(&c->s, "before-done");
	if (!rc)
		rc = shmchan_done(c->verdicts);
	if (rc)
		service_fail(&c->s, SERVICE_FAILED, "cannot count a verdict: %s; ending, to be replaced",
			     shmchan_strerror(rc));
}

static int run(struct collector *c)
{
	struct shmchan_msg m;
	int rc;

	while (!complete(c)) {
		if (service_stopping())
			return SERVICE_STOPPED;
		rc = shmchan_recv(c->verdicts, &m, SERVICE_WAIT_NS);
		if (rc)
			service_idle(&c->s, rc, "receive from channel '" PROTO_VERDICTS "'");
		else
			serve(c, &m);
	}
	return SERVICE_DONE;
}

static void usage(FILE *to)
{
	fputs("Usage: collector --requests N [--die-at POINT[:N]]\n"
	      "Counts the verdicts on N requests; started by shmsup.\n"
	      "  --requests N    ends when there is a verdict, or a dead letter, for each\n"
	      "  --die-at POINT  SIGKILL itself there, in the first N incarnations (default 1): after-take, "
	      "after-mark,\n"
	      "                  before-done\n"
	      "Exit status: 0 all counted, 1 a call failed, 2 usage, 4 no group, 5 stopped before that.\n",
	      to);
}

static void parse_args(struct collector *c, int argc, char **argv)
{
	static const struct option options[] = {
		{"requests", required_argument, NULL, 'n'},
		{"die-at", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	bool counted = false;
	int o;

	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (o) {
		case 'n':
			c->requests = service_number(&c->s, "--requests", optarg, 0, UINT64_C(1) << 40);
			counted = true;
			break;
		default:
			service_option(&c->s, o, optarg, usage);
		}
	}
	service_no_more(&c->s, argc, argv);
	if (!counted)
		service_fail(&c->s, SERVICE_USAGE, "--requests is missing");
}

int main(int argc, char **argv)
{
	static struct collector c;
	int status;

	service_init(&c.s, "collector", points);
	parse_args(&c, argc, argv);
	service_attach(&c.s);
	c.verdicts = service_open(&c.s, PROTO_VERDICTS, SHMCHAN_RX);
	open_marks(&c);
	service_ready(&c.s);
	status = run(&c);
	shmchan_detach(c.s.me);
	return status;
}
