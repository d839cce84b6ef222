// The ring: what all channel kinds of today share. `slot` and `slot-ref` are rings of one cell, `spsc` is a ring whose cells
// carry their sequence number, `mpsc` one whose cells carry lap, state and owner. The receiving side is the same for all. That of
// `mpsc-intrusive` is a ring as in spsc, which the consumer itself fills from a list of blocks (mpsc_intrusive.h).
//
//	line  content                      writer        read by
//	1     obj header                   new           all
//	2     parameters                   new           all
//	3     tail, full, high_water       producer(s)   nobody on the path (spsc), producers (mpsc)
//	4     tx_wait                      producers     consumer, when it frees cells
//	5     taken, done, intent          consumer      nobody on the path: exact, for recovery
//	6     head                         consumer      spsc producer, when the ring looks full: lazy, in batches
//	7     notice                       broker        consumer, when the ring is empty
//	8..   tally records                consumer      tools
//	      cells                        producer; mpsc: consumer frees
//	      extensions, one per cell     producer      consumer, when the message has one
//
// Truth, spsc: the sequence words of the cells (what is published) and `taken`, `done` (what is in flight).
// Truth, mpsc: the words of the cells, and `taken`, `done`.
// Derived: tail, head, full, high_water; rebuilt by join and recovery.
//
// In flight are the positions [done, taken). Positions count messages, and in mpsc aborted cells too, from 0.
//
// An answer, and anything else that must happen exactly if a message is completed, is tied to it by an *intent*: before it
// is published, the consumer of the request writes down where (intent_chan, intent_at) and for which position
// (intent_for = position + 1). Recovery finds the message in flight, looks whether that cell was published, and so knows
// whether the message was answered. In mpsc the intent is written between claim and publish, when the cell is known.
//
// The tally is counted twice, in two records; the one that counts is that with the largest `pos` <= done. The other is
// written ahead, with pos = done + 1 last, so that the store of `done` commits both. Recovery that completes a message
// which was not answered first makes a record with pos > done invalid.
#ifndef SHMCHAN_RING_H
#define SHMCHAN_RING_H

#include "shmchan/obj.h"
#include "shmchan/report.h"
#include "shmchan/word.h"

#define SHMCHAN_CAPACITY_MAX (1u << 24)
#define SHMCHAN_TYPE_DIED 0xff00u // an answer made by the broker: SHMCHAN_PEER_DIED

// What a cell holds before its payload: with one producer the word alone, which is all that a plain message has; with several,
// the word names the claimer, and the description follows. See word.h for both.
struct shmchan_cell {
	_Atomic uint64_t word;
	_Atomic uint64_t desc; // mpsc; else the payload begins here
};
#define SHMCHAN_DATA_AT_ONE 8u
#define SHMCHAN_DATA_AT_MANY 16u
_Static_assert(sizeof(struct shmchan_cell) == SHMCHAN_DATA_AT_MANY, "layout");

// What few messages have: it belongs to the message in the cell if that says EXT. One without it has nothing of this but a
// sender: with several producers that is the owner in the word. With one producer the extension has it, which makes all
// messages of its first round say EXT, and leaves `sender` as it is from then on.
struct shmchan_ext {
	uint64_t corr;
	_Atomic uint64_t desc; // with one producer: the description that the cell's word will have
	_Atomic uint32_t block; // shmchan_block
	uint32_t sender;        // owner tag
	uint16_t reply;
	_Atomic uint16_t deliveries;
	uint32_t pad;
};
_Static_assert(sizeof(struct shmchan_ext) == 32, "layout");

// The library's own counters come first.
enum {
	SHMCHAN_TALLY_SKIPPED,
	SHMCHAN_TALLY_DEAD,
	SHMCHAN_TALLY_DROPPED,
	SHMCHAN_TALLY_BAD,
	SHMCHAN_TALLY_OWN
};
#define SHMCHAN_TALLY_ALL (SHMCHAN_TALLY_OWN + SHMCHAN_TALLY_MAX)
#define SHMCHAN_TALLY_INVALID UINT64_MAX

struct shmchan_tally {
	_Atomic uint64_t pos; // valid once <= done; SHMCHAN_TALLY_INVALID while it is written
	_Atomic uint64_t v[SHMCHAN_TALLY_ALL];
	char pad[2 * SHMCHAN_LINE - 8 - 8 * SHMCHAN_TALLY_ALL];
};

// The line of a receiving end that recovery reads. What it has taken and not done is in flight.
struct shmchan_exact {
	_Atomic uint64_t taken, done; // 0 <= taken - done <= cap
	_Atomic uint64_t intent_for, intent_chan, intent_at;
	_Atomic uint64_t notice_seen; // notices received
};

struct shmchan_ring {
	struct shmchan_obj obj;

	uint32_t kind; // enum shmchan_kind
	uint32_t cap, msg_size, stride;
	uint32_t on_crash, max_deliveries, tally_cnt;
	_Atomic uint32_t sample;  // which positions fire probes (probe.h); set by tools, paced by the consumer
	uint32_t consumer;        // process slot
	uint32_t alert_depth;     // from which tools warn, 0 = never
	_Atomic uint64_t sampler; // pid << 32 | start time, of the tool that sampling is set for; 0 = for good
	_Atomic uint64_t marker;  // the same for the mark
	uint32_t rx_cnt;          // consumers; 1 but for mpmc2
	_Atomic uint32_t mark;    // depth that is told when it is reached (mark.h), 0 = none; alert_depth if no tool asks otherwise
	_Atomic uint32_t marked;  // it was reached, and is not over
	char pad0[SHMCHAN_LINE - 68];

	_Atomic uint64_t
		tail; // spsc: messages published, may lag by a run (spsc.h). mpsc: hint, lap in [32,64), index in [0,32).
		      // mpsc-intrusive: place of the newest message, exact
	_Atomic uint64_t full;
	_Atomic uint64_t high_water;
	char pad1[SHMCHAN_LINE - 24];

	_Atomic uint32_t tx_wait; // nonzero: a producer sleeps until cells are freed
	char pad2[SHMCHAN_LINE - 4];

	union {
		struct { // as in shmchan_exact
			_Atomic uint64_t taken, done;
			_Atomic uint64_t intent_for, intent_chan, intent_at;
			_Atomic uint64_t notice_seen;
		};
		struct shmchan_exact exact;
	};
	char pad3[SHMCHAN_LINE - 48];

	_Atomic uint64_t head; // <= done; cells below may be written again
	char pad4[SHMCHAN_LINE - 8];

	_Atomic uint64_t
		notice_cnt; // PEER_DIED notices ever given to a 1 -> 1 channel; at most one not yet seen
	_Atomic uint64_t notice_corr;
	_Atomic uint64_t aborted; // claimed cells taken back
	char pad5[SHMCHAN_LINE - 24];

	struct shmchan_tally tally[2];
};
_Static_assert(offsetof(struct shmchan_ring, tail) == 2 * SHMCHAN_LINE, "layout");
_Static_assert(offsetof(struct shmchan_ring, taken) == 4 * SHMCHAN_LINE, "layout");
_Static_assert(offsetof(struct shmchan_ring, exact.notice_seen) == offsetof(struct shmchan_ring, notice_seen),
	       "the two ways to name the line agree");
_Static_assert(sizeof(struct shmchan_tally) == 2 * SHMCHAN_LINE, "layout");
_Static_assert(sizeof(struct shmchan_ring) == 11 * SHMCHAN_LINE, "layout");

struct shmchan_list;
struct shmchan_link;

// A checked local view.
struct shmchan_ring_ref {
	struct shmchan_ring *ring;
	char *cells;
	struct shmchan_ext *exts;
	uint32_t cap, msg_size, stride;
	uint32_t data_at; // bytes from a cell to its payload
	uint32_t tally_cnt;
	uint32_t max_deliveries;
	enum shmchan_on_crash on_crash;
	enum shmchan_kind kind;
	uint16_t id;
	uint64_t key;                // group tag << 16 | id: names the channel to probes
	char name[SHMCHAN_NAME_MAX]; // a copy, with its NUL
	// Of the kinds made of a list (list.h).
	struct shmchan_list *list;
	struct shmchan_link *links;
	uint32_t rx_cnt;
};

struct shmchan_ring_params {
	enum shmchan_kind kind;
	uint32_t cap, msg_size;
	enum shmchan_on_crash on_crash;
	uint32_t max_deliveries, tally_cnt, consumer, alert_depth;
	const unsigned *consumers; // process slots; NULL: `consumer` alone
	uint32_t rx_cnt;           // 0 is 1
};

size_t shmchan_ring_footprint(const struct shmchan_ring_params *p); // 0 if out of bounds
void shmchan_ring_new(void *mem, const char *group, uint32_t group_tag, const char *name, uint32_t id,
		      const struct shmchan_ring_params *p);
int shmchan_ring_join(struct shmchan_ring_ref *out, void *mem, size_t size, struct shmchan_why *why);

static inline struct shmchan_cell *shmchan_ring_cell(const struct shmchan_ring_ref *r, uint32_t i)
{
	return (void *)(r->cells + (size_t)i * r->stride);
}

static inline void *shmchan_ring_data(const struct shmchan_ring_ref *r, struct shmchan_cell *c)
{
	return (char *)c + r->data_at;
}

// May several send to it, the broker among them?
static inline bool shmchan_ring_several(const struct shmchan_ring_ref *r)
{
	return r->kind >= SHMCHAN_KIND_MPSC;
}

// Are messages sent through a list of blocks (mpsc_intrusive.h)? Its cells are as in spsc, and have one writer.
static inline bool shmchan_ring_chained(const struct shmchan_ring_ref *r)
{
	return r->kind == SHMCHAN_KIND_MPSC_INTRUSIVE;
}

// Do several write to its cells, the broker among them?
static inline bool shmchan_ring_many(const struct shmchan_ring_ref *r)
{
	return shmchan_ring_several(r) && !shmchan_ring_chained(r);
}

static inline bool shmchan_kind_listed(enum shmchan_kind kind)
{
	return kind == SHMCHAN_KIND_MPSC_LIST || kind == SHMCHAN_KIND_MPMC2;
}

// Is it a list (list.h) behind the header, not cells? What is said below of cells and positions is not for those.
static inline bool shmchan_ring_listed(const struct shmchan_ring_ref *r)
{
	return shmchan_kind_listed(r->kind);
}

// Of a word that holds a place in a list: the number of the message, modulo 2^32.
#define SHMCHAN_TICKET(place) ((uint32_t)((place) >> 32))

// What the message at `pos` says of itself. Every value is read once; none is checked.
struct shmchan_head {
	uint64_t corr;
	uint32_t len, sender, deliveries;
	shmchan_block block;
	uint16_t type, reply;
};
void shmchan_ring_head(const struct shmchan_ring_ref *r, uint64_t pos, struct shmchan_head *out);
// Does the cell of `pos` hold its message, and not that of another lap, a claim, or nothing?
bool shmchan_ring_holds(const struct shmchan_ring_ref *r, uint64_t pos);
// Counts one more delivery of the message in flight at `pos`, whose consumer is dead.
void shmchan_ring_deliver_again(const struct shmchan_ring_ref *r, uint64_t pos);

// The receiving side's exact positions, bounds-checked: false (and *taken = *done) if they can't be true.
bool shmchan_ring_cursor(const struct shmchan_ring_ref *r, uint64_t *done, uint64_t *taken);
// Position one after the newest published (spsc) or claimed (mpsc) cell, by a scan from `done`: exact if no producer runs. Where
// messages wait in a list: one after the newest of those.
uint64_t shmchan_ring_tail(const struct shmchan_ring_ref *r);
// One after the newest cell that is published or claimed.
uint64_t shmchan_ring_written(const struct shmchan_ring_ref *r);
// Has position `pos` of the ring been published by `owner`, who is dead? Only before its claims are aborted.
bool shmchan_ring_published(const struct shmchan_ring_ref *r, uint64_t pos, shmchan_owner owner);
// mpsc: position of the cell i in lap `word`, near the receiving side's.
uint64_t shmchan_ring_pos(const struct shmchan_ring_ref *r, uint32_t i, uint64_t word);

void shmchan_ring_stat(const struct shmchan_ring_ref *r, struct shmchan_stat *out);
// Counters as committed: v[SHMCHAN_TALLY_ALL].
void shmchan_ring_tally(const struct shmchan_ring_ref *r, uint64_t v[SHMCHAN_TALLY_ALL]);
// The same of two records t[2] and the `done` that decides between them; and what completing one more message
// changes in them before the store of done (see shmchan_ring_complete).
void shmchan_tally_read(const struct shmchan_tally *t, const _Atomic uint64_t *done,
			uint64_t v[SHMCHAN_TALLY_ALL]);
void shmchan_tally_complete(struct shmchan_tally *t, uint64_t done, bool answered, int own);
// Index of the record that counts; the other is the one that may be written.
unsigned shmchan_tally_current(const struct shmchan_tally *t, uint64_t done);
// Records that are ahead of done count for nobody.
void shmchan_tally_rewind(struct shmchan_tally *t, uint64_t done);

// Completes position `done` in the dead consumer's stead and counts it in library counter `own` (SHMCHAN_TALLY_OWN: none).
// With answered, what the dead had tallied for it counts; otherwise it does not. Idempotent up to the store of done.
void shmchan_ring_complete(const struct shmchan_ring_ref *r, uint64_t done, bool answered, int own);

void shmchan_ring_check(const struct shmchan_ring_ref *r, struct shmchan_reporter *to);

#endif
