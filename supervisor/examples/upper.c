// The services of upper.yaml: what a program needs to live in a group. Each message is answered or its sender is told,
// whenever any of them is killed.
#include <ctype.h>
#include <shmchan/shmchan.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 128
#define TURN_NS 100000000 // how long a wait is before the program looks whether it shall end

static volatile sig_atomic_t ended;
static struct shmchan_proc *me;

static void on_term(int signal)
{
	ended = 1;
}

static struct shmchan *open_end(const char *name, int end)
{
	struct shmchan_why why;
	struct shmchan *ch;

	if (shmchan_open(me, name, end, &ch, &why)) {
		fprintf(stderr, "example-upper: can't open channel %s: %s\n", name, why.text);
		exit(1);
	}
	return ch;
}

// Line n goes to worker n. How far an earlier incarnation came is in the channels: they count.
static int feed(unsigned lines, unsigned workers)
{
	struct shmchan *out[64], *answers = open_end("out", SHMCHAN_TX);
	struct shmchan_stat stat;
	uint64_t sent = 0;
	char name[32], text[LINE_MAX_BYTES];

	for (unsigned w = 0; w < workers && w < 64; w++) {
		snprintf(name, sizeof(name), "lines-%u", w + 1);
		out[w] = open_end(name, SHMCHAN_TX);
		shmchan_stat(out[w], &stat);
		sent += stat.enqueued;
	}
	shmchan_ready(me);
	while (sent < lines && !ended) {
		int len = snprintf(text, sizeof(text), "line %llu of %u", (unsigned long long)sent + 1, lines);
		struct shmchan_msg m = {
			.corr = sent + 1, .reply = shmchan_id(answers), .data = text, .len = (uint32_t)len};

		if (shmchan_send(out[sent % workers], &m, TURN_NS) == 0)
			sent++;
	}
	return ended != 0;
}

static int upper(const char *from)
{
	struct shmchan *in = open_end(from, SHMCHAN_RX), *out = open_end("out", SHMCHAN_TX);
	char text[LINE_MAX_BYTES];
	struct shmchan_msg m;

	shmchan_ready(me);
	while (!ended) {
		struct shmchan_msg answer = {.data = text};

		shmchan_beat(me);
		if (shmchan_recv(in, &m, TURN_NS))
			continue;
		answer.corr = m.corr;
		answer.len = m.len < sizeof(text) ? m.len : sizeof(text);
		memcpy(text, m.data, answer.len);
		for (uint32_t i = 0; i < answer.len; i++)
			text[i] = (char)toupper((unsigned char)text[i]);
		while (shmchan_answer(in, out, &answer, TURN_NS) && !ended) // answered and completed, or neither
			shmchan_beat(me);
	}
	return 0;
}

// The tallies change with the completion of a message, so a killed printer goes on with the right counts.
static int print(unsigned lines)
{
	struct shmchan *in = open_end("out", SHMCHAN_RX);
	struct shmchan_stat stat;
	struct shmchan_msg m;

	shmchan_ready(me);
	for (;;) {
		shmchan_stat(in, &stat);
		if (shmchan_tally_get(in, 0) + shmchan_tally_get(in, 1) + stat.dead >= lines)
			return 0;
		if (ended)
			return 1;
		if (shmchan_recv(in, &m, TURN_NS))
			continue;
		if (m.status != SHMCHAN_PEER_DIED)
			printf("%.*s\n", (int)m.len, (const char *)m.data);
		shmchan_tally_add(in, m.status == SHMCHAN_PEER_DIED, 1);
		shmchan_done(in);
	}
}

static int idle(void)
{
	sigset_t none;

	sigemptyset(&none);
	shmchan_ready(me);
	while (!ended)
		sigsuspend(&none);
	return 0;
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : "";
	struct sigaction action = {.sa_handler = on_term};
	struct shmchan_why why;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (strcmp(role, "idle") == 0)
		sigprocmask(SIG_BLOCK, &set, NULL); // so that it comes while idle waits, and not just before
	sigaction(SIGTERM, &action, NULL);
	if (shmchan_attach_env(&me, &why)) {
		fprintf(stderr, "example-upper: can't attach (services are started by shmsup): %s\n", why.text);
		return 2;
	}
	if (strcmp(role, "feed") == 0 && argc > 3)
		return feed((unsigned)atoi(arg), (unsigned)atoi(argv[3]));
	if (strcmp(role, "upper") == 0)
		return upper(arg);
	if (strcmp(role, "print") == 0)
		return print((unsigned)atoi(arg));
	if (strcmp(role, "idle") == 0)
		return idle();
	fprintf(stderr, "example-upper: no role '%s'; there are feed, upper, print and idle\n", role);
	return 2;
}
