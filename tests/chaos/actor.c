// The services of the chaos run: a source that sends blocks and plain messages without end, relays that answer, a sink that
// counts. SIGUSR1 to the source says enough; SIGUSR1 to the sink, that it ends when everything sent is accounted for.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/view.h"
#include "tests/supervisor/act.h"

#define RELAY_MAX 16

static struct shmchan_pool *blocks;
static volatile sig_atomic_t enough;

static void on_enough(int signal)
{
	enough = 1;
}

static void attach_with_blocks(void)
{
	struct sigaction action = {.sa_handler = on_enough};
	int rc;

	sigaction(SIGUSR1, &action, NULL);
	attach();
	rc = shmchan_pool_open(me, "blocks", &blocks, NULL);
	if (rc)
		die("pool", rc);
}

// Every other message carries a block, as far as there are any.
static int source(unsigned relays)
{
	struct shmchan *out[RELAY_MAX], *answers;
	char name[SHMCHAN_NAME_MAX];

	attach_with_blocks();
	for (unsigned i = 0; i < relays && i < RELAY_MAX; i++) {
		snprintf(name, sizeof(name), "requests-%u", i + 1);
		out[i] = open_end(name, SHMCHAN_TX);
	}
	answers = open_end("answers", SHMCHAN_TX);
	shmchan_ready(me);
	for (uint64_t n = 0; !ended && !enough; n++) {
		struct shmchan_msg m = {.corr = shmchan_corr(me), .reply = shmchan_id(answers), .data = &n, .len = sizeof(n)};
		int rc;

		if (n % 2 && shmchan_block_alloc(blocks, &m.block) == 0)
			memset(shmchan_block_data(blocks, m.block), (int)n, 64);
		while ((rc = shmchan_send(out[n % relays], &m, WAIT_NS)) && !ended && !enough)
			;
		if (rc && m.block)
			shmchan_block_free(blocks, m.block);
	}
	return !enough;
}

static int relay(const char *name)
{
	attach_with_blocks();
	answer_all(name);
	return 0;
}

static uint64_t sent(void)
{
	struct shmchan_view_group g;
	struct shmchan_view_chan c;
	struct shmchan_view *v;
	uint64_t sum = 0;

	if (shmchan_view_open(&v, getenv("SHMCHAN_GROUP"), NULL))
		return UINT64_MAX;
	shmchan_view_group(v, &g);
	for (unsigned i = 0; i < g.chan_cnt; i++)
		if (shmchan_view_chan(v, i, &c) == 0 && strncmp(c.name, "requests-", 9) == 0)
			sum += c.stat.enqueued;
	shmchan_view_close(v);
	return sum;
}

static int sink(void)
{
	struct shmchan *in;
	struct shmchan_stat stat;
	struct shmchan_msg m;
	uint64_t all = UINT64_MAX;

	attach_with_blocks();
	in = open_end("answers", SHMCHAN_RX);
	shmchan_ready(me);
	while (!ended) {
		shmchan_stat(in, &stat);
		if (enough && all == UINT64_MAX)
			all = sent();
		if (shmchan_tally_get(in, 0) + shmchan_tally_get(in, 1) + stat.dead >= all)
			return 0;
		if (shmchan_recv(in, &m, WAIT_NS))
			continue;
		shmchan_tally_add(in, m.status == SHMCHAN_PEER_DIED, 1);
		if (m.block)
			shmchan_block_free(blocks, m.block);
		shmchan_done(in);
	}
	return 1;
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";

	if (strcmp(role, "source") == 0 && argc > 2)
		return source((unsigned)strtoul(argv[2], NULL, 10));
	if (strcmp(role, "relay") == 0 && argc > 2)
		return relay(argv[2]);
	if (strcmp(role, "sink") == 0)
		return sink();
	fprintf(stderr, "chaos actor: unknown role '%s'\n", role);
	return 2;
}
