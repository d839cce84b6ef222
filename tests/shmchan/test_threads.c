// Both ends of a channel as threads of one process: what ThreadSanitizer can judge. It goes by addresses, so that all ends
// are made to use one mapping; what the order of publication protects is then in its sight, header, payload and blocks.
// Not a Criterion program: Criterion's processes and the sanitizer want the same addresses.
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/proc.h"

#define MESSAGES 20000u

static const unsigned producers[] = {1, 2}, consumer[] = {3}, all[] = {1, 2, 3};

struct end {
	struct shmchan_proc *proc;
	struct shmchan *ch;
	struct shmchan_pool *pool;
	unsigned bad;
};

static void *send_all(void *arg)
{
	struct end *e = arg;

	for (uint32_t n = 0; n < MESSAGES; n++) {
		uint32_t text[4] = {n, n + 1, n + 2, n + 3};
		struct shmchan_msg m = {.data = text, .len = sizeof(text), .corr = n};
		uint32_t *data;

		if (n % 3 == 0 && shmchan_block_alloc(e->pool, &m.block) == 0) {
			data = shmchan_block_data(e->pool, m.block);
			data[0] = data[20] = n;
		}
		e->bad += shmchan_send(e->ch, &m, SHMCHAN_FOREVER) != 0;
	}
	return NULL;
}

static void *receive_all(void *arg)
{
	struct end *e = arg;
	uint64_t next[3] = {0}, cnt = MESSAGES * (e->ch->many ? 2 : 1);

	for (uint64_t i = 0; i < cnt; i++) {
		struct shmchan_msg m;
		uint32_t text[4], *data;
		unsigned slot;

		e->bad += shmchan_recv(e->ch, &m, SHMCHAN_FOREVER) != 0 || m.status || m.len != sizeof(text);
		slot = shmchan_owner_slot(m.sender);
		memcpy(text, m.data, sizeof(text));
		e->bad += slot < 1 || slot > 2 || m.corr != next[slot]++ || text[0] != m.corr ||
			  text[3] != m.corr + 3;
		if (m.block) {
			data = shmchan_block_data(e->pool, m.block);
			e->bad += data[0] != m.corr || data[20] != m.corr;
			e->bad += shmchan_block_free(e->pool, m.block) != 0;
		}
		e->bad += shmchan_done(e->ch) != 0;
	}
	return NULL;
}

static void report(void *ctx, const char *object, const char *text)
{
	(void)ctx;
	fprintf(stderr, "check: %s: %s\n", object, text);
}

static bool enter(const char *group, struct shmchan_broker *b, struct end *e, unsigned slot, bool many)
{
	unsigned inc;

	if (slot == 2 && !many)
		return true;
	return shmchan_broker_announce(b, slot, &inc) == 0 &&
	       shmchan_attach(&e[slot - 1].proc, group, slot, inc, NULL) == 0 &&
	       shmchan_open(e[slot - 1].proc, "c", slot == 3 ? SHMCHAN_RX : SHMCHAN_TX, &e[slot - 1].ch,
			    NULL) == 0 &&
	       shmchan_pool_open(e[slot - 1].proc, "p", &e[slot - 1].pool, NULL) == 0;
}

static bool race(enum shmchan_kind kind, uint32_t cap)
{
	static const char *const services[] = {"a", "b", "c"};
	bool many = kind == SHMCHAN_KIND_MPSC, ok = true;
	struct shmchan_chan_spec spec = {.name = "c",
					 .kind = kind,
					 .capacity = cap,
					 .msg_size = 16,
					 .producers = producers,
					 .producer_cnt = many ? 2 : 1,
					 .consumers = consumer,
					 .consumer_cnt = 1};
	struct shmchan_pool_spec pool = {.name = "p", .block_size = 100, .block_cnt = 4, .users = all, .user_cnt = 3};
	struct shmchan_group_spec group = {.services = services,
					   .service_cnt = 3,
					   .chans = &spec,
					   .chan_cnt = 1,
					   .pools = &pool,
					   .pool_cnt = 1};
	struct shmchan_broker *b;
	struct shmchan_stat st;
	struct end e[3] = {0};
	pthread_t t[3];
	char name[32];

	snprintf(name, sizeof(name), "t%d-threads", (int)getpid());
	group.name = name;
	if (shmchan_broker_create(&b, &group, NULL))
		return false;
	for (unsigned slot = 1; slot <= 3 && ok; slot++)
		ok = enter(name, b, e, slot, many);
	for (unsigned i = 1; ok && i < 3; i++)
		if (e[i].proc) {
			e[i].ch->r = e[0].ch->r;
			shmchan_join(e[i].ch);
			e[i].pool->ref = e[0].pool->ref;
		}
	for (unsigned i = 0; ok && i < 3; i++)
		if (e[i].proc && pthread_create(&t[i], NULL, i == 2 ? receive_all : send_all, &e[i]))
			_exit(1);
	for (unsigned i = 0; ok && i < 3; i++)
		if (e[i].proc)
			pthread_join(t[i], NULL);
	if (ok) {
		shmchan_stat(e[2].ch, &st);
		ok = e[0].bad + e[1].bad + e[2].bad == 0 && st.done == MESSAGES * spec.producer_cnt &&
		     st.bad == 0 && shmchan_broker_check(b, report, NULL) == 0;
	}
	for (unsigned i = 0; i < 3; i++)
		shmchan_detach(e[i].proc);
	shmchan_broker_destroy(b);
	return ok;
}

int main(int argc, char **argv)
{
	static const struct {
		enum shmchan_kind kind;
		uint32_t cap;
		const char *name;
	} races[] = {{SHMCHAN_KIND_SPSC, 1, "spsc of 1"},
		     {SHMCHAN_KIND_SPSC, 50, "spsc of 50"},
		     {SHMCHAN_KIND_MPSC, 1, "mpsc of 1"},
		     {SHMCHAN_KIND_MPSC, 50, "mpsc of 50"}};
	const unsigned cnt = sizeof(races) / sizeof(races[0]);
	unsigned failed = 0;
	FILE *tap = stdout;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "--tap=", 6) == 0)
			tap = fopen(argv[i] + 6, "w");
	if (!tap)
		return 1;
	for (unsigned i = 0; i < cnt; i++) {
		bool ok = race(races[i].kind, races[i].cap);

		failed += !ok;
		fprintf(tap, "%sok %u - threads at both ends of %s\n", ok ? "" : "not ", i + 1,
			races[i].name);
		fflush(tap);
	}
	fprintf(tap, "1..%u\n", cnt);
	return failed != 0;
}
