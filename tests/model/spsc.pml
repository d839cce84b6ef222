/*
 * The single-producer single-consumer ring, with death of either end, and of the broker, as a transition.
 *
 * Stands for:  producer   shmchan/spsc.c: shmchan_spsc_join_tx, shmchan_spsc_reserve; shmchan/spsc.h: shmchan_spsc_publish
 *              consumer   shmchan/spsc.h: shmchan_spsc_peek, shmchan_spsc_free; shmchan/chan.c: join_rx;
 *                         shmchan/take.c: shmchan_take, advance_taken, advance_done, take_empty (the lazy head)
 *              broker     shmchan/recover.c: settle, set_aside, free_cells; shmchan/ring.c: shmchan_ring_complete
 * The word of a cell is its position + 1 here, and lap and description there: either says whether it is published.
 * One statement of the model is one access to shared memory; private steps between two of them change nothing that
 * others see, and go with the one before. A death may come before each access.
 *
 * Shown:  what was published is completed once: by the consumer or as a dead letter; in order; a message does not change
 *         while it is in flight; no end waits for ever (no invalid end state); `done` and `taken` bound each other.
 * Seeded: SEED_EARLY_WORD     the producer marks the cell before it is filled
 *         SEED_HEAD_OF_TAKEN  cells are freed that are taken and not yet done
 *         SEED_TAKEN_LATE     a message is noted as in flight only after it was handed to the caller
 */
#ifndef CAP
#define CAP 2
#endif
#define MSGS 5
#define DEATHS 2

byte word[CAP];  /* position + 1 of the message */
byte cell[CAP];  /* payload */
byte head, taken, done;

/* What the proof keeps beside it. */
byte is_sent;               /* positions published */
byte payload[MSGS];         /* what was published there */
byte ended;                 /* positions completed, by whom else */
byte seen = 0;              /* messages that a caller was given, the newest position + 1 */
byte attempt = 1;           /* a value for each filling of a cell */
byte deaths;
bool producer_dead, consumer_dead, sent_all;

#define MAY_DIE (deaths < DEATHS)

inline end_one(p) {
	assert(p == ended);
	assert(p < is_sent);
	ended++;
}

proctype producer() {
	byte pos, h, mine;

	/* shmchan_spsc_join_tx: a scan from done; nobody else publishes. */
	pos = done;
	do
	:: pos < MSGS && word[pos % CAP] == pos + 1 -> pos++
	:: else -> break
	od;
	h = head;
	do
	:: pos == MSGS -> sent_all = true; break
	:: pos < MSGS && pos - h >= CAP ->
		if
		:: head != h -> h = head
		:: MAY_DIE -> goto die
		fi
	:: pos < MSGS && pos - h < CAP ->
		mine = attempt;
		attempt++;
		if :: MAY_DIE -> goto die :: skip fi;
#ifdef SEED_EARLY_WORD
		d_step { word[pos % CAP] = pos + 1; payload[pos] = mine; is_sent = pos + 1 };
		if :: MAY_DIE -> goto die :: skip fi;
		cell[pos % CAP] = mine;
#else
		/* A free cell: nobody is reading it. */
		cell[pos % CAP] = mine;
		if :: MAY_DIE -> goto die :: skip fi;
		d_step { word[pos % CAP] = pos + 1; payload[pos] = mine; is_sent = pos + 1 };
#endif
		pos++
	od;
	goto out;
die:
	atomic { deaths++; producer_dead = true };
out:
	skip
}

/* Messages in flight are (d, t). It takes up to CAP before it completes one: when, is open. */
proctype consumer() {
	byte t, d, i;
	byte got[CAP];

	t = done;
	d = done;
	taken = d;
	if :: MAY_DIE -> goto die :: skip fi;
	head = d;
	do
	:: d == MSGS -> break
	:: MAY_DIE -> goto die
	:: t < MSGS && t - d < CAP && word[t % CAP] == t + 1 ->
#ifdef SEED_TAKEN_LATE
		got[t % CAP] = cell[t % CAP];
		d_step { assert(t >= seen); seen = t + 1 };
		if :: MAY_DIE -> goto die :: skip fi;
		taken = t + 1;
#else
		taken = t + 1;
		if :: MAY_DIE -> goto die :: skip fi;
		got[t % CAP] = cell[t % CAP];
		d_step { assert(t >= seen); seen = t + 1 };
#endif
		assert(got[t % CAP] == payload[t]);
		t++;
#ifdef SEED_HEAD_OF_TAKEN
		head = t;
#endif
	:: d < t ->
		/* The caller still reads it just before. */
		assert(cell[d % CAP] == got[d % CAP]);
		d_step { done = d + 1; end_one(d) };
		d++;
		if
		:: skip /* freed with a later one */
		:: MAY_DIE -> goto die
		:: head = d
		fi
	:: d == t && head != d -> head = d /* nothing to take: take_empty */
	od;
	head = d;
	goto out;
die:
	atomic { deaths++; consumer_dead = true };
out:
	skip
}

/* It may die too: then it begins again. In settle each message in flight becomes a letter, and then is done. */
proctype broker() {
	byte d, t, letter;

begin:
	do
	:: producer_dead ->
		producer_dead = false;
		run producer()
	:: consumer_dead ->
		d = done;
		t = taken;
		assert(t >= d && t - d <= CAP);
		do
		:: d < t ->
			letter = cell[d % CAP];
			if :: MAY_DIE -> deaths++; goto begin :: skip fi;
			assert(letter == payload[d]);
			d_step { done = d + 1; end_one(d); seen = (seen > d + 1 -> seen : d + 1) };
			d++
		:: else -> break
		od;
		if :: MAY_DIE -> deaths++; goto begin :: skip fi;
		head = d;
		if :: MAY_DIE -> deaths++; goto begin :: skip fi;
		consumer_dead = false;
		run consumer()
	:: sent_all && ended == MSGS && !consumer_dead && !producer_dead -> break
	od;
	assert(is_sent == MSGS && ended == MSGS && done == MSGS && taken == MSGS && head <= done)
}

init {
	atomic { run producer(); run consumer(); run broker() }
}
