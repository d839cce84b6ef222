// clang-format off
// Messages while services are killed, for comparing what BPF counts with what stands in shared memory.
//
//	storm GROUP MESSAGES
//
// creates the group: channels `line` (spsc, dead letters), `again` (spsc, redelivered up to 3 times), `single` (slot) and `ref`
// (slot-ref) from service `first` to `reader`; from `first` and `second` to `reader`, `many` (mpsc), `list` (mpsc-list, redelivered) and `blocks` (mpsc-intrusive),
// and `any` (mpmc2), which `helper` and `spare` take from too. Then it obeys one command per line on stdin, and says each on stdout when
// it is carried out:
//
//	go       all five run until MESSAGES have been published in all; meanwhile one at a time is killed at random, recovered
//	         and respawned. Then those who receive end, and when messages have piled up, the others: says "go KILLS"
//	drain    the reader takes all there is and ends
//	quit     (or end of input) remove the group
//
// Exit status 1 if anything did not go as said.
// clang-format on
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "shmchan/broker.h"
#include "shmchan/view.h"

enum { FIRST = 1, SECOND, READER, HELPER, SPARE, SLOTS };
enum { LINE, AGAIN, SINGLE, REF, MANY, LIST, BLOCKS, ANY, CHANS };
static const char *const services[] = {"first", "second", "reader", "helper", "spare"};
static const char *const chan_names[] = {"line", "again", "single", "ref", "many", "list", "blocks", "any"};
static const char pool_name[] = "pool";
#define SLICE_NS 5000000u // how long a wait may last before the order to end is looked for

static volatile sig_atomic_t ending;

static void must(int code, const char *what)
{
	if (code >= 0)
		return;
	fprintf(stderr, "storm: %s: %s\n", what, shmchan_strerror(code));
	exit(1);
}

// ------------------------------------------------------------------------------------------------ services

static void end_soon(int sig)
{
	ending = 1;
}

// Into a channel of one message only if there is room: waiting for it would hold up all others.
static void send_one(struct shmchan *ch, struct shmchan_pool *pool, uint64_t *n)
{
	struct shmchan_msg m = {.data = n, .len = shmchan_msg_size(ch), .type = 1};
	int err;
	if (pool != NULL)
		must(shmchan_block_alloc(pool, &m.block), "alloc");
	err = shmchan_send(ch, &m, shmchan_capacity(ch) == 1 ? 0 : SLICE_NS);
	if (err == 0)
		++*n;
	else if (pool != NULL)
		must(shmchan_block_free(pool, m.block), "free");
}

static int produce(struct shmchan_proc *me, unsigned slot)
{
	struct shmchan *ch[CHANS] = {NULL};
	struct shmchan_pool *pool;
	uint64_t n = 0;
	must(shmchan_pool_open(me, pool_name, &pool, NULL), "open");
	for (unsigned c = slot == FIRST ? LINE : MANY; c < CHANS; c++)
		must(shmchan_open(me, chan_names[c], SHMCHAN_TX, &ch[c], NULL), "open");
	must(shmchan_ready(me), "ready");
	while (!ending)
		for (unsigned c = 0; c < CHANS && !ending; c++)
			if (ch[c] != NULL)
				send_one(ch[c], c == REF || c == BLOCKS ? pool : NULL, &n);
	shmchan_detach(me);
	return 0;
}

// With `drain` it ends when nothing is left, else when told to.
static int consume(struct shmchan_proc *me, unsigned from, bool drain)
{
	struct shmchan_sel sel[CHANS];
	struct shmchan_pool *pool;
	struct shmchan_msg m;
	unsigned cnt = CHANS - from;
	must(shmchan_pool_open(me, pool_name, &pool, NULL), "open");
	for (unsigned c = 0; c < cnt; c++)
		must(shmchan_open(me, chan_names[from + c], SHMCHAN_RX, &sel[c].ch, NULL), "open");
	must(shmchan_ready(me), "ready");
	while (!ending) {
		int found = shmchan_select(me, sel, cnt, drain ? 0 : SLICE_NS);
		if (found == SHMCHAN_TIMEOUT && drain)
			break;
		for (unsigned c = 0; c < cnt && found > 0 && !ending; c++)
			if (shmchan_take(sel[c].ch, &m) == 0) {
				if (m.block != SHMCHAN_NO_BLOCK)
					must(shmchan_block_free(pool, m.block), "free");
				must(shmchan_done(sel[c].ch), "done");
			}
	}
	shmchan_detach(me);
	return 0;
}

static int service(const char *role)
{
	struct shmchan_proc *me;
	struct shmchan_why why = {0};
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, end_soon);
	must(shmchan_attach_env(&me, &why), why.text);
	if (strcmp(role, "drain") == 0)
		return consume(me, LINE, true);
	if (strcmp(role, "first") == 0 || strcmp(role, "second") == 0)
		return produce(me, *role == 'f' ? FIRST : SECOND);
	return consume(me, *role == 'r' ? LINE : ANY, false);
}

// -------------------------------------------------------------------------------------------------- broker

struct storm {
	struct shmchan_broker *broker;
	struct shmchan_view *v;
	const char *group;
	uint64_t messages;
	unsigned kills;
	pid_t pid[SLOTS];
};

static void spawn(struct storm *s, unsigned slot, const char *role)
{
	char slot_text[16], incarnation_text[16], self[256];
	char *argv[] = {self, (char *)"--role", (char *)role, NULL};
	unsigned incarnation;
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	self[len > 0 ? len : 0] = '\0';
	must(shmchan_broker_announce(s->broker, slot, &incarnation), "announce");
	snprintf(slot_text, sizeof slot_text, "%u", slot);
	snprintf(incarnation_text, sizeof incarnation_text, "%u", incarnation);
	setenv("SHMCHAN_GROUP", s->group, 1);
	setenv("SHMCHAN_SLOT", slot_text, 1);
	setenv("SHMCHAN_INCARNATION", incarnation_text, 1);
	must(posix_spawn(&s->pid[slot], self, NULL, NULL, argv, environ) == 0 ? 0 : SHMCHAN_ESYS, "spawn");
	must(shmchan_broker_spawned(s->broker, slot, s->pid[slot]), "spawned");
}

// Sends the signal, waits for the end, repairs. Returns whether a process that was told to end did so in order.
static bool end(struct storm *s, unsigned slot, int sig)
{
	siginfo_t info = {0};
	struct shmchan_death death;
	if (sig != 0)
		kill(s->pid[slot], sig);
	if (waitid(P_PID, (id_t)s->pid[slot], &info, WEXITED) != 0)
		return false;
	death = (struct shmchan_death){.pid = s->pid[slot], .code = info.si_code, .status = info.si_status};
	s->pid[slot] = 0;
	must(shmchan_broker_recover(s->broker, slot, &death, NULL), "recover");
	// Told before it could listen, it is ended by the signal.
	return sig == SIGKILL || (info.si_code == CLD_EXITED && info.si_status == 0) ||
	       (info.si_code == CLD_KILLED && info.si_status == sig);
}

static uint64_t published(const struct storm *s, uint64_t *emptiest)
{
	struct shmchan_view_chan c;
	uint64_t sum = 0;
	*emptiest = UINT64_MAX;
	for (unsigned i = 0; i < CHANS; i++) {
		must(shmchan_view_chan(s->v, i, &c), "look");
		sum += c.stat.enqueued;
		*emptiest = c.stat.depth < *emptiest ? c.stat.depth : *emptiest;
	}
	return sum;
}

static void pause_ns(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static bool go(struct storm *s)
{
	unsigned seed = (unsigned)getpid();
	uint64_t emptiest;
	bool ok;
	for (unsigned slot = FIRST; slot < SLOTS; slot++)
		spawn(s, slot, services[slot - 1]);
	while (published(s, &emptiest) < s->messages) {
		unsigned slot = FIRST + (unsigned)rand_r(&seed) % (SLOTS - FIRST);
		pause_ns(1000000 + rand_r(&seed) % 9000000);
		end(s, slot, SIGKILL);
		s->kills++;
		spawn(s, slot, services[slot - 1]);
	}
	ok = end(s, READER, SIGTERM) && end(s, HELPER, SIGTERM) && end(s, SPARE, SIGTERM);
	for (published(s, &emptiest); emptiest == 0; published(s, &emptiest))
		pause_ns(1000000);
	return end(s, FIRST, SIGTERM) && end(s, SECOND, SIGTERM) && ok;
}

static bool obey(struct storm *s, const char *command)
{
	if (strcmp(command, "go") == 0 && go(s)) {
		printf("go %u\n", s->kills);
		return true;
	}
	if (strcmp(command, "drain") == 0) {
		spawn(s, READER, "drain");
		printf("drain\n");
		return end(s, READER, 0);
	}
	return false;
}

static int broker(const char *group, const char *messages)
{
	static const unsigned senders[] = {FIRST, SECOND}, readers[] = {READER, HELPER, SPARE};
	static const unsigned users[] = {FIRST, SECOND, READER, HELPER, SPARE};
	static const struct shmchan_pool_spec pool = {.name = pool_name,
						      .block_size = 128,
						      .block_cnt = 128,
						      .users = users,
						      .user_cnt = SLOTS - FIRST};
	static const enum shmchan_kind kinds[] = {SHMCHAN_KIND_SPSC,           SHMCHAN_KIND_SPSC,
						  SHMCHAN_KIND_SLOT,           SHMCHAN_KIND_SLOT_REF,
						  SHMCHAN_KIND_MPSC,           SHMCHAN_KIND_MPSC_LIST,
						  SHMCHAN_KIND_MPSC_INTRUSIVE, SHMCHAN_KIND_MPMC2};
	struct shmchan_chan_spec chans[CHANS];
	struct shmchan_group_spec spec = {
		.name = group,
		.services = services,
		.service_cnt = SLOTS - FIRST,
		.chans = chans,
		.chan_cnt = CHANS,
		.pools = &pool,
		.pool_cnt = 1,
	};
	struct storm s = {.group = group, .messages = strtoull(messages, NULL, 10)};
	struct shmchan_why why = {0};
	char line[64];
	int status = 0;

	for (unsigned c = 0; c < CHANS; c++)
		chans[c] = (struct shmchan_chan_spec){
			.name = chan_names[c],
			.kind = kinds[c],
			.capacity = c == SINGLE || c == REF ? 1 : 61,
			.msg_size = c == REF ? 0 : 8,
			.producers = senders,
			.producer_cnt = c >= MANY ? 2 : 1,
			.consumers = readers,
			.consumer_cnt = c == ANY ? 3 : 1,
			.on_crash = c == AGAIN || c == LIST ? SHMCHAN_REDELIVER : SHMCHAN_DEAD_LETTER,
			.max_deliveries = c == AGAIN || c == LIST ? 3 : 0,
		};
	if (shmchan_broker_create(&s.broker, &spec, &why) != 0) {
		fprintf(stderr, "storm: %s: %s\n", why.object, why.text);
		return 1;
	}
	must(shmchan_view_open(&s.v, group, NULL), "view");
	printf("created\n");
	fflush(stdout);
	while (status == 0 && fgets(line, sizeof line, stdin) != NULL && strcmp(line, "quit\n") != 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!obey(&s, line)) {
			fprintf(stderr, "storm: '%s' failed\n", line);
			status = 1;
		}
		fflush(stdout);
	}
	for (unsigned slot = FIRST; slot < SLOTS; slot++)
		if (s.pid[slot] != 0)
			end(&s, slot, SIGKILL);
	shmchan_view_close(s.v);
	shmchan_broker_destroy(s.broker);
	return status;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--role") == 0)
		return service(argv[2]);
	if (argc == 3)
		return broker(argv[1], argv[2]);
	fprintf(stderr, "usage: storm GROUP MESSAGES\n");
	return 2;
}
