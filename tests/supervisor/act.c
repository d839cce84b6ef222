#include "tests/supervisor/act.h"

#include <stdio.h>
#include <stdlib.h>

struct shmchan_proc *me;
volatile sig_atomic_t ended;

static void on_term(int signal)
{
	ended = 1;
}

void catch_term(void)
{
	struct sigaction action = {.sa_handler = on_term};

	sigaction(SIGTERM, &action, NULL);
}

_Noreturn void die(const char *what, int code)
{
	fprintf(stderr, "actor: %s: %s\n", what, shmchan_strerror(code));
	exit(1);
}

void attach(void)
{
	int rc = shmchan_attach_env(&me, NULL);

	if (rc)
		die("attach", rc);
	catch_term();
}

struct shmchan *open_end(const char *name, int end)
{
	struct shmchan *ch;
	int rc = shmchan_open(me, name, end, &ch, NULL);

	if (rc)
		die(name, rc);
	return ch;
}

void answer_to(struct shmchan *in, struct shmchan *out, const struct shmchan_msg *m)
{
	struct shmchan_msg answer = {
		.corr = m->corr, .type = 1, .data = m->data, .len = m->len, .block = m->block};
	int rc;

	do
		rc = shmchan_answer(in, out, &answer, WAIT_NS);
	while ((rc == SHMCHAN_TIMEOUT || rc == SHMCHAN_INTR) && !ended);
}

void answer_all(const char *name)
{
	struct shmchan *in = open_end(name, SHMCHAN_RX), *out = open_end("answers", SHMCHAN_TX);
	struct shmchan_msg m;

	shmchan_ready(me);
	while (!ended)
		if (shmchan_recv(in, &m, WAIT_NS) == 0)
			answer_to(in, out, &m);
}

unsigned number(const char *s)
{
	return s ? (unsigned)strtoul(s, NULL, 10) : 0;
}
