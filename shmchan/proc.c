#include "shmchan/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "shmchan/list_chan.h"
#include "shmchan/mpsc_intrusive.h"
#include "shmchan/probe.h"
#include "shmchan/spare.h"

void shmchan_proc_init(struct shmchan_proc *p, const struct shmchan_ctl_ref *c, unsigned slot,
		       uint32_t incarnation)
{
	p->c = *c;
	p->self = &c->procs[slot];
	p->slot = slot;
	p->incarnation = incarnation;
	p->me = shmchan_owner_make(slot, incarnation);
	p->spins = 64;
	p->slot_key = SHMCHAN_PROBE_KEY(c->ctl->obj.group_tag, slot);
	snprintf(p->group, sizeof(p->group), "%.31s", c->ctl->obj.group);
	snprintf(p->name, sizeof(p->name), "%.31s", p->self->name);
}

// Who says in its slot that it calls exit(): a supervisor that was away when it ended can't ask the kernel.
static struct {
	_Atomic(_Atomic uint64_t *) word;
	uint32_t incarnation;
	pid_t pid; // a child after fork has the handler too, and is not the slot's process
	struct shmchan_seg seg; // of a process that has detached: the word stays mapped until it exits
} leaving;

static void on_leaving(int status, void *arg)
{
	_Atomic uint64_t *word = atomic_load_explicit(&leaving.word, memory_order_acquire);

	if (word && leaving.pid == getpid())
		atomic_store_explicit(word,
				      SHMCHAN_LEFT | (uint64_t)(status & 0xff) << 32 | leaving.incarnation,
				      memory_order_release);
}

static void register_leaving(void)
{
	static atomic_flag registered = ATOMIC_FLAG_INIT;

	if (!atomic_flag_test_and_set_explicit(&registered, memory_order_relaxed))
		on_exit(on_leaving, NULL);
}

static void leave_word(struct shmchan_proc *p)
{
	atomic_store_explicit(&leaving.word, NULL, memory_order_relaxed);
	shmchan_seg_close(&leaving.seg);
	leaving.pid = getpid();
	leaving.incarnation = p->incarnation;
	atomic_store_explicit(&leaving.word, &p->self->left, memory_order_release);
	register_leaving();
}

static void become(struct shmchan_proc *p, uint32_t incarnation)
{
	p->incarnation = incarnation;
	p->me = shmchan_owner_make(p->slot, incarnation);
}

// What it is now, for the program and its children.
static void name_incarnation(uint32_t incarnation)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", incarnation);
	setenv("SHMCHAN_INCARNATION", text, 1);
}

// Done before the slot is given, and again when it is about to be: what was not used for long, the processor has to fetch from afar.
static void warm(void *proc)
{
	struct shmchan_proc *p = proc;

	p->reached = shmchan_bell_register(p->c.fence) == 0; // an error is found again by take_slot
	shmchan_pulse_warm(p->pulse);
	name_incarnation(0);
}

// Whatever takes time is done before.
static uint32_t wait_as_spare(struct shmchan_proc *p, uint32_t spare)
{
	register_leaving();
	p->pulse = shmchan_pulse_join(shmchan_ctl_pulse(&p->c, p->slot));
	shmchan_seg_warm(&p->seg);
	for (uint32_t i = 0; i < p->c.entry_cnt; i++) {
		const struct shmchan_ctl_entry *e = &p->c.entries[i];
		char name[SHMCHAN_NAME_MAX];

		snprintf(name, sizeof(name), "%.31s", e->name);
		if ((shmchan_slot_in(e->producers, p->slot) || shmchan_slot_in(e->consumers, p->slot)) &&
		    shmchan_name_ok(name))
			shmchan_seg_ahead(p->group, name);
	}
	warm(p);
	return shmchan_spare_wait(&p->c, p->slot, spare, warm, p);
}

static int take_slot(struct shmchan_proc *p, struct shmchan_why *why)
{
	uint64_t life = atomic_load_explicit(&p->self->life, memory_order_acquire);
	enum shmchan_proc_state state = shmchan_life_state(life);

	if ((state != SHMCHAN_PROC_ANNOUNCED && state != SHMCHAN_PROC_RUNNING) ||
	    (uint32_t)life != p->incarnation)
		return shmchan_fail(why, SHMCHAN_ESTALE, 0, p->name,
				    "incarnation %u; the slot is at %u (state %d)", p->incarnation,
				    (uint32_t)life, (int)state);
	if (!p->reached && shmchan_bell_register(p->c.fence))
		return shmchan_fail(why, SHMCHAN_ESYS, errno, "membarrier",
				    "%s, but the group was made to use it", strerror(errno));
	// Release: the broker's tools see the attached incarnation after its registration.
	atomic_store_explicit(&p->self->attached, p->incarnation, memory_order_release);
	return 0;
}

// As incarnation `incarnation`, or, if `spare` is not 0, as the one that is given to the spare of that number.
static int attach(struct shmchan_proc **out, const char *group, unsigned slot, unsigned incarnation, unsigned spare,
		  struct shmchan_why *why)
{
	struct shmchan_ctl_ref c;
	struct shmchan_proc *p;
	struct shmchan_seg seg;
	int err;

	*out = NULL;
	if (!shmchan_name_ok(group) || slot == 0)
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, "group", "bad name or slot");
	err = shmchan_seg_open(&seg, group, NULL, true, why);
	if (err)
		return err;
	err = shmchan_ctl_join(&c, seg.base, seg.size, why);
	if (!err && slot >= c.proc_cnt)
		err = shmchan_fail(why, SHMCHAN_ENOENT, 0, group, "process slot %u; the group has %u", slot,
				   c.proc_cnt);
	p = err ? NULL : calloc(1, sizeof(*p));
	if (!err && !p)
		err = shmchan_fail(why, SHMCHAN_ENOMEM, 0, group, "%zu bytes", sizeof(*p));
	if (!err) {
		shmchan_proc_init(p, &c, slot, incarnation);
		p->seg = seg;
		if (spare)
			become(p, wait_as_spare(p, spare));
		err = take_slot(p, why);
	}
	if (!err) {
		leave_word(p);
		if (!p->pulse)
			p->pulse = shmchan_pulse_join(shmchan_ctl_pulse(&c, slot));
		shmchan_pulse_hold(p->pulse);
	}
	if (err) {
		if (p)
			shmchan_pulse_leave(p->pulse);
		free(p);
		shmchan_seg_close(&seg);
		return err;
	}
	*out = p;
	return 0;
}

int shmchan_attach(struct shmchan_proc **out, const char *group, unsigned slot, unsigned incarnation,
		   struct shmchan_why *why)
{
	return attach(out, group, slot, incarnation, 0, why);
}

static bool env_number(const char *name, unsigned *out)
{
	const char *s = getenv(name);
	char *end;
	unsigned long n;

	if (!s || *s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoul(s, &end, 10);
	*out = (unsigned)n;
	return !*end && !errno && n <= UINT32_MAX;
}

int shmchan_attach_env(struct shmchan_proc **out, struct shmchan_why *why)
{
	const char *group = getenv("SHMCHAN_GROUP");
	unsigned slot, incarnation, spare = 0;
	int err;

	*out = NULL;
	if (getenv("SHMCHAN_SPARE") && !env_number("SHMCHAN_SPARE", &spare))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, "environment", "SHMCHAN_SPARE is no number");
	if (!group || !env_number("SHMCHAN_SLOT", &slot) || !env_number("SHMCHAN_INCARNATION", &incarnation))
		return shmchan_fail(
			why, SHMCHAN_EINVAL, 0, "environment",
			"SHMCHAN_GROUP, SHMCHAN_SLOT and SHMCHAN_INCARNATION are set by the supervisor");
	err = attach(out, group, slot, incarnation, spare, why);
	if (err || !spare)
		return err;
	name_incarnation((*out)->incarnation);
	unsetenv("SHMCHAN_SPARE");
	return 0;
}

void shmchan_detach(struct shmchan_proc *p)
{
	if (!p)
		return;
	while (p->chans)
		shmchan_close(p->chans);
	for (unsigned i = 0; i <= SHMCHAN_POOL_MAX; i++)
		if (p->pools[i]) {
			shmchan_pool_flush(&p->pools[i]->ref, p->me, p->pools[i]->mags);
			shmchan_seg_close(&p->pools[i]->seg);
			free(p->pools[i]);
		}
	shmchan_pulse_leave(p->pulse);
	if (atomic_load_explicit(&leaving.word, memory_order_relaxed) == &p->self->left)
		leaving.seg = p->seg;
	else
		shmchan_seg_close(&p->seg);
	free(p);
}

// sd_notify(3): one datagram to the socket named in NOTIFY_SOCKET, '@' standing for the NUL of an abstract name.
static int notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	ssize_t sent;
	int fd;

	if (!n)
		return 0;
	if (n >= sizeof(to.sun_path))
		return SHMCHAN_ESYS;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return SHMCHAN_ESYS;
	sent = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	close(fd);
	return sent < 0 ? SHMCHAN_ESYS : 0;
}

int shmchan_ready(struct shmchan_proc *p)
{
	atomic_store_explicit(&p->self->ready, p->incarnation, memory_order_release);
	return notify("READY=1");
}

void shmchan_beat(struct shmchan_proc *p)
{
	// Relaxed, and no read-modify-write: only this process writes it.
	atomic_store_explicit(&p->self->beat, atomic_load_explicit(&p->self->beat, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

uint32_t shmchan_self(const struct shmchan_proc *p)
{
	return p->me;
}

const char *shmchan_self_name(const struct shmchan_proc *p)
{
	return p->name;
}

bool shmchan_alive(const struct shmchan_proc *p, uint32_t sender)
{
	unsigned slot = shmchan_owner_slot(sender);
	uint64_t life;

	if (!sender || slot >= p->c.proc_cnt)
		return false;
	if (slot == 0)
		return shmchan_owner_inc(sender) ==
		       (atomic_load_explicit(&p->c.ctl->broker_inc, memory_order_relaxed) & SHMCHAN_INC_MASK);
	life = atomic_load_explicit(&p->c.procs[slot].life, memory_order_acquire);
	return ((uint32_t)life & SHMCHAN_INC_MASK) == shmchan_owner_inc(sender) &&
	       (shmchan_life_state(life) == SHMCHAN_PROC_RUNNING ||
		shmchan_life_state(life) == SHMCHAN_PROC_ANNOUNCED);
}

bool shmchan_receives(const struct shmchan *ch)
{
	const struct shmchan_ctl_ref *c = &ch->proc->c;
	const uint64_t *set = c->entries[ch->r.id - 1].consumers;

	for (unsigned w = 0; w < SHMCHAN_SLOT_WORDS; w++)
		for (uint64_t left = set[w]; left; left &= left - 1) {
			unsigned slot = w * 64 + (unsigned)__builtin_ctzll(left);
			uint64_t life;

			if (slot >= c->proc_cnt)
				break;
			// Relaxed: a hint.
			life = atomic_load_explicit(&c->procs[slot].life, memory_order_relaxed);
			if (!(life & SHMCHAN_LIFE_LEAVING) &&
			    (shmchan_life_state(life) == SHMCHAN_PROC_RUNNING ||
			     shmchan_life_state(life) == SHMCHAN_PROC_ANNOUNCED))
				return true;
		}
	return false;
}

uint64_t shmchan_corr(struct shmchan_proc *p)
{
	return (uint64_t)p->me << 32 | ++p->corr;
}

// ------------------------------------------------------------------------------------------------ opening

int shmchan_open_entry(struct shmchan_proc *p, unsigned e, int end, bool declared, struct shmchan **out,
		       struct shmchan_why *why)
{
	const struct shmchan_ctl_entry *entry = &p->c.entries[e];
	char name[SHMCHAN_NAME_MAX];
	struct shmchan *ch;
	uint32_t consumer;
	int err;

	*out = NULL;
	snprintf(name, sizeof(name), "%.31s", entry->name);
	if (declared && !shmchan_slot_in(end == SHMCHAN_TX ? entry->producers : entry->consumers, p->slot))
		return shmchan_fail(why, SHMCHAN_EPERM, 0, name, "%s is not declared as %s", p->name,
				    end == SHMCHAN_TX ? "a producer" : "a consumer");
	for (ch = p->chans; ch; ch = ch->next)
		if (ch->r.id == e + 1 && ch->tx == (end == SHMCHAN_TX))
			return shmchan_fail(why, SHMCHAN_EEXIST, 0, name, "this end is open already");
	ch = calloc(1, sizeof(*ch));
	if (!ch)
		return shmchan_fail(why, SHMCHAN_ENOMEM, 0, name, "%zu bytes", sizeof(*ch));
	err = shmchan_seg_open(&ch->seg, p->group, name, true, why);
	if (!err)
		err = shmchan_ring_join(&ch->r, ch->seg.base, ch->seg.size, why);
	consumer = err ? 0 : ch->r.ring->consumer;
	if (!err && (consumer >= p->c.proc_cnt || ch->r.id != e + 1))
		err = shmchan_fail(why, SHMCHAN_ECORRUPT, 0, name, "consumer slot %u or id %u out of bounds",
				   consumer, ch->r.id);
	if (err) {
		shmchan_seg_close(&ch->seg);
		free(ch);
		return err;
	}
	ch->proc = p;
	ch->me = p->me;
	ch->fence = p->c.fence;
	ch->tx = end == SHMCHAN_TX;
	ch->peer = &p->c.procs[consumer].bell;
	memcpy(ch->producers, entry->producers, sizeof(ch->producers));
	err = shmchan_join(ch);
	if (err) {
		shmchan_seg_close(&ch->seg);
		free(ch);
		return shmchan_fail(why, err, 0, name, "%s", shmchan_strerror(err));
	}
	ch->next = p->chans;
	p->chans = ch;
	if (ch->tx)
		p->by_id[e + 1] = ch;
	*out = ch;
	return 0;
}

int shmchan_open(struct shmchan_proc *p, const char *name, int end, struct shmchan **out,
		 struct shmchan_why *why)
{
	int e;

	*out = NULL;
	if (!shmchan_name_ok(name) || (end != SHMCHAN_TX && end != SHMCHAN_RX))
		return shmchan_fail(why, SHMCHAN_EINVAL, 0, "channel", "bad name or end");
	e = shmchan_ctl_find(&p->c, name, SHMCHAN_OBJ_RING);
	if (e < 0)
		return shmchan_fail(why, SHMCHAN_ENOENT, 0, name, "group %s has no such channel", p->group);
	shmchan_pulse_hold(p->pulse);
	return shmchan_open_entry(p, (unsigned)e, end, true, out, why);
}

void shmchan_close(struct shmchan *ch)
{
	struct shmchan **at;

	if (!ch)
		return;
	if (ch->tx && ch->reserved)
		shmchan_cancel(ch);
	if (ch->l)
		shmchan_list_end_close(ch);
	if (ch->chain)
		shmchan_chain_end_close(ch);
	for (at = &ch->proc->chans; *at; at = &(*at)->next)
		if (*at == ch) {
			*at = ch->next;
			break;
		}
	if (ch->proc->by_id[ch->r.id] == ch)
		ch->proc->by_id[ch->r.id] = NULL;
	shmchan_seg_close(&ch->seg);
	free(ch);
}

int shmchan_reply_channel(struct shmchan_proc *p, uint16_t reply, struct shmchan **out)
{
	*out = NULL;
	if (reply == 0 || reply > p->c.entry_cnt || p->c.entries[reply - 1].kind != SHMCHAN_OBJ_RING)
		return SHMCHAN_ENOENT;
	if (p->by_id[reply]) {
		*out = p->by_id[reply];
		return 0;
	}
	return shmchan_open_entry(p, reply - 1u, SHMCHAN_TX, true, out, NULL);
}
