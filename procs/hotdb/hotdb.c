// hotdb: holds the mainnet genesis state in a pool block and answers getReplayStateTrail by copying it once,
// into a block that it moves to who asked.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "procs/common/proto.h"
#include "procs/common/service.h"
#include "procs/common/trail.h"
#include "procs/eth/eth_file.h"
#include "procs/eth/ssz.h"
#include "procs/eth/types.h"

// Places at which --die-at can end it: the question is taken; half of the copy is made; the copy is made and
// still its own; the trail is moved and the question completed.
static const char *const points[] = {"after-take", "in-copy", "before-move", "after-move", NULL};

#define STATE_FILE_MAX (UINT64_C(256) << 20)
#define RETRY_NS 1000000

struct hotdb {
	struct service s;
	struct shmchan *inbox;
	struct shmchan_pool *states;
	const void *trail;   // its own state, behind a trail's header
	size_t trail_size;   // bytes a copy takes
	shmchan_block spare; // the block that the next copy goes to
};

// The bytes are not a state: says where, if the reason is in the bytes.
static _Noreturn void refuse_state(const struct hotdb *h, const char *path, const struct eth_file *f,
				   int code)
{
	struct ssz_fault fault;
	char where[160] = "";

	if (code != ETH_ERR_PRESET && ssz_check(eth_type(ETH_MAINNET, ETH_BeaconState), f->p, f->n, &fault))
		snprintf(where, sizeof(where), " (byte %zu of %zu, %s%s%s)", fault.at, f->n, fault.type->name,
			 fault.field ? ", field " : "", fault.field ? fault.field : "");
	service_fail(&h->s, SERVICE_INPUT, "cannot load the mainnet state %s: %s%s; not starting", path,
		     eth_strerror(code), where);
}

// Puts the state of file `path` into a block of the pool, which stays this process's.
static void load_state(struct hotdb *h, const char *path)
{
	size_t bytes = shmchan_pool_block_size(h->states), room;
	struct eth_file f;
	char line[512];
	shmchan_block b;
	void *memory, *place;
	int err, rc;

	rc = eth_file_read(path, STATE_FILE_MAX, &f, &err);
	if (rc) {
		eth_file_describe(line, sizeof(line), path, rc, err);
		service_fail(&h->s, SERVICE_INPUT, "cannot load the mainnet state %s; not starting", line);
	}
	rc = shmchan_block_alloc(h->states, &b);
	if (rc)
		service_fail(&h->s, SERVICE_GROUP,
			     "cannot get a block of pool '" PROTO_STATES "': %s; not starting",
			     shmchan_strerror(rc));
	memory = shmchan_block_data(h->states, b);
	place = trail_state_room(memory, bytes, &room);
	rc = place ? eth_state_from_ssz(place, room, ETH_MAINNET, f.p, f.n, NULL) : ETH_ERR_ROOM;
	if (rc == ETH_ERR_ROOM)
		service_fail(&h->s, SERVICE_GROUP,
			     "cannot put the state of '%s' into pool '" PROTO_STATES
			     "': its blocks have %zu bytes; not starting",
			     path, bytes);
	if (rc)
		refuse_state(h, path, &f, rc);
	free(f.p);
	h->trail = memory;
	h->trail_size = trail_seal(memory, bytes);
	if (!h->trail_size)
		service_fail(&h->s, SERVICE_GROUP,
			     "cannot put the state of '%s' into pool '" PROTO_STATES
			     "': its blocks have %zu bytes; not starting",
			     path, bytes);
}

// A block is got before a question is taken, so that questions wait in the channel and not in flight.
static bool have_spare(struct hotdb *h)
{
	int rc;

	if (h->spare != SHMCHAN_NO_BLOCK)
		return true;
	rc = shmchan_block_alloc(h->states, &h->spare);
	if (!rc)
		return true;
	if (rc != SHMCHAN_EXHAUSTED)
		service_fail(&h->s, SERVICE_FAILED, "cannot get a block of pool '" PROTO_STATES "': %s",
			     shmchan_strerror(rc));
	h->spare = SHMCHAN_NO_BLOCK;
	// All are with workers. A pool rings no doorbell when one comes back, and a copy takes about as long
	// as this.
	nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
	shmchan_beat(h->s.me);
	return false;
}

static void copy_trail(struct hotdb *h)
{
	uint8_t *to = shmchan_block_data(h->states, h->spare);

	if (service_dies_at(&h->s, "in-copy")) {
		memcpy(to, h->trail, h->trail_size / 2);
		service_die_now();
	}
	memcpy(to, h->trail, h->trail_size);
}

// The channel that the answer to a question goes to; NULL when there is nobody to answer.
static struct shmchan *reply_channel(struct hotdb *h, const struct shmchan_msg *m)
{
	struct shmchan *tx;
	int rc;

	if (!shmchan_alive(h->s.me, m->sender))
		return NULL;
	if (m->type != PROTO_GET_TRAIL || m->len != sizeof(struct proto_trail_ask)) {
		service_warn(&h->s,
			     "cannot answer a message of type %u and %" PRIu32
			     " bytes: not a getReplayStateTrail; "
			     "it is dropped",
			     m->type, m->len);
		return NULL;
	}
	rc = shmchan_reply_channel(h->s.me, m->reply, &tx);
	if (rc) {
		service_warn(&h->s, "cannot answer on channel %u: %s; the question is dropped", m->reply,
			     shmchan_strerror(rc));
		return NULL;
	}
	return tx;
}

static void serve(struct hotdb *h, const struct shmchan_msg *m)
{
	struct shmchan_msg answer = {.type = PROTO_STATE_TRAIL, .corr = m->corr, .block = h->spare};
	struct shmchan *tx = reply_channel(h, m);
	int rc;

	service_point(&h->s, "after-take");
	if (!tx) {
		shmchan_done(h->inbox);
		return;
	}
	copy_trail(h);
	service_point(&h->s, "before-move");
	while ((rc = shmchan_answer(h->inbox, tx, &answer, SERVICE_WAIT_NS))) {
		if (rc == SHMCHAN_PEER_DIED)
			return; // completed, and the block is still the spare
		service_idle(&h->s, rc, "move a trail to its worker");
		if (service_stopping())
			exit(SERVICE_DONE);
	}
	h->spare = SHMCHAN_NO_BLOCK;
	service_point(&h->s, "after-move");
}

static void run(struct hotdb *h)
{
	struct shmchan_msg m;
	int rc;

	while (!service_stopping()) {
		if (!have_spare(h))
			continue;
		rc = shmchan_recv(h->inbox, &m, SERVICE_WAIT_NS);
		if (rc)
			service_idle(&h->s, rc, "receive from channel '" PROTO_HOTDB_INBOX "'");
		else
			serve(h, &m);
	}
}

static void usage(FILE *to)
{
	fputs("Usage: hotdb --state FILE [--die-at POINT[:N]]\n"
	      "Answers getReplayStateTrail with copies of a state; started by shmsup.\n"
	      "  --state FILE    mainnet BeaconState, .ssz or .ssz_snappy\n"
	      "  --die-at POINT  SIGKILL itself there, in the first N incarnations (default 1): after-take, "
	      "in-copy,\n"
	      "                  before-move, after-move\n"
	      "Exit status: 0 stopped, 1 a call failed, 2 usage, 3 bad or missing state file, 4 no group.\n",
	      to);
}

static const char *parse_args(struct hotdb *h, int argc, char **argv)
{
	static const struct option options[] = {
		{"state", required_argument, NULL, 's'},
		{"die-at", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	const char *state = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 's':
			state = optarg;
			break;
		default:
			service_option(&h->s, c, optarg, usage);
		}
	}
	service_no_more(&h->s, argc, argv);
	if (!state)
		service_fail(&h->s, SERVICE_USAGE, "--state is missing");
	return state;
}

int main(int argc, char **argv)
{
	static struct hotdb h = {.spare = SHMCHAN_NO_BLOCK};
	const char *state;

	service_init(&h.s, "hotdb", points);
	state = parse_args(&h, argc, argv);
	service_attach(&h.s);
	h.states = service_pool(&h.s, PROTO_STATES);
	h.inbox = service_open(&h.s, PROTO_HOTDB_INBOX, SHMCHAN_RX);
	load_state(&h, state);
	service_ready(&h.s);
	run(&h);
	shmchan_detach(h.s.me);
	return SERVICE_DONE;
}
