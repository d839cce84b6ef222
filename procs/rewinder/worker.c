// rewinder-worker: takes isValidBeaconBlockP2PEx requests, gets the parent's state from HotDB, verifies the
// proposer's signature, answers. One request at a time; its answer and its completion are one step, so a
// worker that dies has either answered a request or leaves it in flight for the broker.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "procs/common/proto.h"
#include "procs/common/service.h"
#include "procs/common/trail.h"
#include "procs/rewinder/judge.h"

// Places at which --die-at can end it: the request is taken; HotDB has been asked; the trail has arrived; the
// verdict is known.
static const char *const points[] = {"after-take", "after-request", "after-trail", "before-answer", NULL};

#define REQUEST_MAX (1u << 18) // above the largest phase 0 block

struct worker {
	struct service s;
	bool overlapped; // compute what needs no state while HotDB copies
	struct shmchan *requests, *inbox, *trail, *verdicts;
	struct shmchan_pool *states;
	struct judge_keys keys;
	uint8_t request[REQUEST_MAX]; // out of the cell, where its sender could still write
};

static void drop_block(struct worker *w, const struct shmchan_msg *m)
{
	if (m->block != SHMCHAN_NO_BLOCK)
		shmchan_block_free(w->states, m->block);
	shmchan_done(w->trail);
}

// Takes whatever lies in the trail channel while nothing was asked: replies to an earlier incarnation.
static void drop_stale(struct worker *w)
{
	struct shmchan_msg m;
	while (!shmchan_take(w->trail, &m))
		drop_block(w, &m);
}

static void ask(struct worker *w, uint64_t corr, const struct proto_trail_ask *what)
{
	struct shmchan_msg m = {
		.type = PROTO_GET_TRAIL,
		.corr = corr,
		.reply = shmchan_id(w->trail),
		.data = what,
		.len = sizeof(*what),
	};
	int rc;
	while ((rc = shmchan_send(w->inbox, &m, SERVICE_WAIT_NS)))
		service_idle(&w->s, rc, "send to channel '" PROTO_HOTDB_INBOX "'");
}

// Waits for the trail that was asked for as `corr`; asks again when HotDB died with the question. Gives up,
// leaving the request in flight, only when this process is to stop and nobody answers.
static shmchan_block await_trail(struct worker *w, uint64_t corr, const struct proto_trail_ask *what)
{
	struct shmchan_msg m;
	int rc;

	for (;;) {
		rc = shmchan_recv(w->trail, &m, SERVICE_WAIT_NS);
		if (rc == SHMCHAN_TIMEOUT && service_stopping())
			exit(SERVICE_DONE);
		if (rc) {
			service_idle(&w->s, rc, "receive a trail");
			continue;
		}
		if (m.corr != corr) {
			drop_block(w, &m);
			continue;
		}
		if (m.status == SHMCHAN_PEER_DIED) {
			drop_block(w, &m);
			corr = shmchan_corr(w->s.me);
			ask(w, corr, what);
			continue;
		}
		shmchan_done(w->trail);
		return m.block;
	}
}

static struct proto_verdict judge(struct worker *w, const struct judge_block *b, shmchan_block moved)
{
	const void *data = moved == SHMCHAN_NO_BLOCK ? NULL : shmchan_block_data(w->states, moved);
	struct trail_state state;
	enum proto_reason reason;
	int rc = data ? trail_open(data, shmchan_pool_block_size(w->states), &state) : TRAIL_SMALL;

	if (rc || state.block_cnt) {
		service_warn(&w->s,
			     "cannot use the trail from HotDB: %s; the request is answered as undecided",
			     rc ? trail_strerror(rc) : "has blocks to replay");
		return (struct proto_verdict){PROTO_UNDECIDED, PROTO_NO_STATE};
	}
	reason = judge_finish(b, &state, &w->keys);
	return (struct proto_verdict){reason == PROTO_OK ? PROTO_VALID : PROTO_INVALID, reason};
}

// Returns the verdict; *moved is the block to free when it has been sent.
static struct proto_verdict validate(struct worker *w, const uint8_t *ssz, size_t n, shmchan_block *moved)
{
	struct judge_block b;
	struct proto_trail_ask what;
	uint64_t corr;

	if (judge_peek(ssz, n, &what))
		return (struct proto_verdict){PROTO_INVALID, PROTO_MALFORMED};
	corr = shmchan_corr(w->s.me);
	ask(w, corr, &what);
	service_point(&w->s, "after-request");
	if (w->overlapped)
		judge_prepare(&b, ssz, n);
	*moved = await_trail(w, corr, &what);
	service_point(&w->s, "after-trail");
	if (!w->overlapped)
		judge_prepare(&b, ssz, n);
	return judge(w, &b, *moved);
}

static void serve(struct worker *w, const struct shmchan_msg *m)
{
	struct proto_verdict verdict = {PROTO_INVALID, PROTO_MALFORMED};
	struct shmchan_msg answer = {
		.type = PROTO_VERDICT,
		.corr = m->corr,
		.data = &verdict,
		.len = sizeof(verdict),
	};
	shmchan_block moved = SHMCHAN_NO_BLOCK;
	int rc;

	service_point(&w->s, "after-take");
	if (m->type == PROTO_IS_VALID_BLOCK && m->len <= sizeof(w->request)) {
		memcpy(w->request, m->data, m->len);
		verdict = validate(w, w->request, m->len, &moved);
	}
	service_point(&w->s, "before-answer");
	while ((rc = shmchan_answer(w->requests, w->verdicts, &answer, SERVICE_WAIT_NS))) {
		if (rc == SHMCHAN_PEER_DIED)
			break;
		service_idle(&w->s, rc, "send to channel '" PROTO_VERDICTS "'");
	}
	if (moved != SHMCHAN_NO_BLOCK)
		shmchan_block_free(w->states, moved);
}

static void run(struct worker *w)
{
	// The trail channel too, so that a reply to a dead incarnation does not hold up HotDB while there is
	// no work.
	struct shmchan_sel sel[] = {{.ch = w->requests}, {.ch = w->trail}};
	struct shmchan_msg m;
	int rc;

	while (!service_stopping()) {
		rc = shmchan_select(w->s.me, sel, 2, SERVICE_WAIT_NS);
		if (rc < 0) {
			service_idle(&w->s, rc, "wait for requests");
			continue;
		}
		drop_stale(w);
		rc = shmchan_take(w->requests, &m);
		if (rc)
			service_idle(&w->s, rc, "take a request");
		else
			serve(w, &m);
	}
}

static void usage(FILE *to)
{
	fputs("Usage: rewinder-worker --replica N [--form overlapped|plain] [--die-at POINT[:N]]\n"
	      "Validates blocks from channel requests-N; started by shmsup.\n"
	      "  --replica N     number of this worker, from 1\n"
	      "  --form FORM     overlapped: hash the block while HotDB copies the state (default); plain: "
	      "wait first\n"
	      "  --die-at POINT  SIGKILL itself there, in the first N incarnations (default 1): after-take,\n"
	      "                  after-request, after-trail, before-answer\n"
	      "Exit status: 0 stopped, 1 a call failed, 2 usage, 4 no group.\n",
	      to);
}

static unsigned parse_args(struct worker *w, int argc, char **argv)
{
	static const struct option options[] = {
		{"replica", required_argument, NULL, 'r'},
		{"form", required_argument, NULL, 'f'},
		{"die-at", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	unsigned replica = 0;
	int c;

	w->overlapped = true;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			replica = service_number(&w->s, "--replica", optarg, 1, 1000);
			break;
		case 'f':
			w->overlapped = !strcmp(optarg, "overlapped");
			if (!w->overlapped && strcmp(optarg, "plain"))
				service_fail(&w->s, SERVICE_USAGE,
					     "--form '%s' is neither overlapped nor plain", optarg);
			break;
		default:
			service_option(&w->s, c, optarg, usage);
		}
	}
	service_no_more(&w->s, argc, argv);
	if (!replica)
		service_fail(&w->s, SERVICE_USAGE, "--replica is missing");
	return replica;
}

int main(int argc, char **argv)
{
	static struct worker w;
	unsigned replica;

	service_init(&w.s, "rewinder-worker", points);
	replica = parse_args(&w, argc, argv);
	service_attach(&w.s);
	w.states = service_pool(&w.s, PROTO_STATES);
	w.requests = service_open_replica(&w.s, PROTO_REQUESTS, replica, SHMCHAN_RX);
	w.trail = service_open_replica(&w.s, PROTO_TRAIL, replica, SHMCHAN_RX);
	w.inbox = service_open(&w.s, PROTO_HOTDB_INBOX, SHMCHAN_TX);
	w.verdicts = service_open(&w.s, PROTO_VERDICTS, SHMCHAN_TX);
	service_ready(&w.s);
	run(&w);
	shmchan_detach(w.s.me);
	return SERVICE_DONE;
}
