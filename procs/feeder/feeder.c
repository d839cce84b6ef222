// feeder: sends requests 0 .. N-1 to the workers. How many it has sent it reads from the channels, so that a
// feeder that takes over from a killed one repeats none and leaves none out.
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "procs/common/cases.h"
#include "procs/common/proto.h"
#include "procs/common/service.h"

// Places at which --die-at can end it: a cell is claimed and filled; a request is published.
static const char *const points[] = {"after-reserve", "after-send", NULL};

#define WORKERS_MAX 64

struct feeder {
	struct service s;
	const char *vectors;
	uint64_t requests;
	unsigned workers;
	struct cases *cases;
	uint16_t verdicts; // id of the channel the answers go to
	struct shmchan *all[WORKERS_MAX];    // of every worker that there can be
	struct shmchan_sel to[WORKERS_MAX]; // of those that receive now
	unsigned to_cnt;
};

static uint64_t sent(const struct feeder *f)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < f->workers; i++) {
		struct shmchan_stat st;
		shmchan_stat(f->all[i], &st);
		sum += st.enqueued;
	}
	return sum;
}

// A worker that goes does what is in its channel and no more; one that is dead has no room either, until it is back.
static void choose(struct feeder *f)
{
	f->to_cnt = 0;
	for (unsigned i = 0; i < f->workers; i++)
		if (shmchan_receives(f->all[i]))
			f->to[f->to_cnt++].ch = f->all[i];
}

// Of the channels with room, the one with the fewest waiting requests.
static struct shmchan *shallowest(const struct feeder *f)
{
	struct shmchan *best = NULL;
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < f->to_cnt; i++) {
		struct shmchan_stat st;
		shmchan_stat(f->to[i].ch, &st);
		if (f->to[i].ready && st.depth < least) {
			least = st.depth;
			best = f->to[i].ch;
		}
	}
	return best;
}

static void send_request(struct feeder *f, uint64_t n, struct shmchan *ch, void *data)
{
	struct shmchan_msg m = {
		.type = PROTO_IS_VALID_BLOCK,
		.corr = proto_request_corr(n),
		.reply = f->verdicts,
		.len = cases_block(f->cases, n, data, shmchan_msg_size(ch)),
	};
	int rc;

	if (!m.len)
		service_fail(&f->s, SERVICE_GROUP,
			     "cannot put request %" PRIu64 " into channel '%s': its messages have %" PRIu32
			     " bytes",
			     n, shmchan_name(ch), shmchan_msg_size(ch));
	service_point(&f->s, "after-reserve");
	rc = shmchan_commit(ch, &m);
	if (rc)
		service_fail(&f->s, SERVICE_FAILED, "cannot send request %" PRIu64 " to channel '%s': %s", n,
			     shmchan_name(ch), shmchan_strerror(rc));
	service_point(&f->s, "after-send");
}

static int run(struct feeder *f)
{
	uint64_t n = sent(f);
	struct shmchan *ch;
	void *data;

	while (n < f->requests) {
		if (service_stopping())
			return SERVICE_STOPPED;
		choose(f);
		if (f->to_cnt == 0) { // for the moment of a respawn
			nanosleep(&(struct timespec){0, 1000000}, NULL);
			continue;
		}
		int rc = shmchan_select(f->s.me, f->to, f->to_cnt, SERVICE_WAIT_NS);
		if (rc < 0) {
			service_idle(&f->s, rc, "wait for room in the workers' channels");
			continue;
		}
		ch = shallowest(f);
		rc = shmchan_reserve(ch, &data);
		if (rc)
			service_fail(&f->s, SERVICE_FAILED, "cannot claim a cell in channel '%s': %s",
				     shmchan_name(ch), shmchan_strerror(rc));
		send_request(f, n++, ch, data);
	}
	return SERVICE_DONE;
}

// Those of the workers there are, and of those that scaling can add.
static void open_all(struct feeder *f)
{
	char name[SHMCHAN_NAME_MAX + 16];

	for (unsigned i = 0; i < f->workers; i++)
		f->all[i] = service_open_replica(&f->s, PROTO_REQUESTS, i + 1, SHMCHAN_TX);
	while (f->workers < WORKERS_MAX) {
		snprintf(name, sizeof(name), "%s-%u", PROTO_REQUESTS, f->workers + 1);
		if (shmchan_open(f->s.me, name, SHMCHAN_TX, &f->all[f->workers], NULL))
			break;
		f->workers++;
	}
}

static void usage(FILE *to)
{
	fputs("Usage: feeder --vectors DIR --requests N --workers N [--die-at POINT[:N]]\n"
	      "Sends N blocks to be validated, each to the worker with the fewest waiting; started by "
	      "shmsup.\n"
	      "  --vectors DIR   folder with " CASES_ARCHIVE "\n"
	      "  --requests N    how many, counting those that earlier incarnations sent\n"
	      "  --workers N     channels requests-1 to requests-N, and those above that there are\n"
	      "  --die-at POINT  SIGKILL itself there, in the first N incarnations (default 1): "
	      "after-reserve,\n"
	      "                  after-send\n"
	      "Exit status: 0 all sent, 1 a call failed, 2 usage, 3 bad or missing vectors, 4 no group, 5 "
	      "stopped.\n",
	      to);
}

static void parse_args(struct feeder *f, int argc, char **argv)
{
	static const struct option options[] = {
		{"vectors", required_argument, NULL, 'v'}, {"requests", required_argument, NULL, 'n'},
		{"workers", required_argument, NULL, 'w'}, {"die-at", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
	};
	bool counted = false;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'v':
			f->vectors = optarg;
			break;
		case 'n':
			f->requests = service_number(&f->s, "--requests", optarg, 0, UINT64_C(1) << 40);
			counted = true;
			break;
		case 'w':
			f->workers = service_number(&f->s, "--workers", optarg, 1, WORKERS_MAX);
			break;
		default:
			service_option(&f->s, c, optarg, usage);
		}
	}
	service_no_more(&f->s, argc, argv);
	if (!f->vectors || !counted || !f->workers)
		service_fail(&f->s, SERVICE_USAGE, "%s is missing",
			     !f->vectors ? "--vectors"
			     : !counted  ? "--requests"
					 : "--workers");
}

int main(int argc, char **argv)
{
	static struct feeder f;
	char why[256];
	int status;

	service_init(&f.s, "feeder", points);
	parse_args(&f, argc, argv);
	service_attach(&f.s);
	if (cases_open(&f.cases, f.vectors, why))
		service_fail(&f.s, SERVICE_INPUT, "cannot read the blocks to send: %s; not starting", why);
	open_all(&f);
	f.verdicts = shmchan_id(service_open(&f.s, PROTO_VERDICTS, SHMCHAN_TX));
	service_ready(&f.s);
	status = run(&f);
	shmchan_detach(f.s.me);
	cases_close(f.cases);
	return status;
}
