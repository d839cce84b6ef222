/*
 * The many-producer single-consumer ring of claimed cells, with death of a producer, of the consumer, and of the broker as a
 * transition.
 *
 * Stands for:  producer   shmchan/mpsc.c: look, shmchan_mpsc_reserve_slow; shmchan/mpsc.h: shmchan_mpsc_reserve,
 *                         shmchan_mpsc_claimed (the hint), shmchan_mpsc_publish
 *              consumer   shmchan/mpsc.c: shmchan_mpsc_peek; shmchan/mpsc.h: shmchan_mpsc_free; shmchan/chan.c: join_rx;
 *                         shmchan/take.c: advance_taken, advance_done, shmchan_skip, pass_voids
 *              broker     shmchan/recover.c: settle, set_aside, free_cells, abort_claims
 * One statement is one access to shared memory. A death may come before each. The hint may lag: that a producer finds the
 * right cell from wherever it begins is part of what is shown.
 *
 * Shown:  what was published is completed once; each producer's messages in its order; an aborted cell is passed over, a
 *         claimed one holds up the consumer and no other producer; nobody waits for ever (no invalid end state).
 * Seeded: SEED_CLAIM_APART   the cell is claimed by one access, who has it is written by the next
 *         SEED_NO_ABORT      recovery leaves the claims of the dead
 *         SEED_FREE_EARLY    the cell is free before `done` says that it is completed
 */
#define CAP 2
#define PRODUCERS 2
#ifdef VARIANT_MORE_DEATHS /* the broker's among them, in the middle of the repair */
#define MSGS 1
#define DEATHS 2
#else
#define MSGS 2 /* of each producer, however often it dies */
#define DEATHS 1
#endif

#define FREE 0
#define CLAIMED 1
#define FULL 2
#define ABORTED 3
#define NOBODY 255

/* The word of a cell, changed as one; and what is in the cell. */
byte lap[CAP], state[CAP], owner[CAP];
byte from[CAP], number[CAP];
byte taken, done;
byte hint;        /* a position */

/* What the proof keeps beside it: messages published, and completed, of each producer. */
byte sent[PRODUCERS], ended[PRODUCERS];
byte deaths, finished;
bool producer_dead[PRODUCERS], consumer_dead;

#define MAY_DIE (deaths < DEATHS)
#define all_ended (finished == PRODUCERS && ended[0] == sent[0] && ended[1] == sent[1])

/* Completion of the message in cell i: the next of its producer. */
inline end_one(i) {
	assert(state[i] == FULL);
	assert(number[i] == ended[from[i]]);
	ended[from[i]]++
}

proctype producer(byte me) {
	byte i, l, start;

begin:
	do
	:: sent[me] == MSGS -> goto out
	:: atomic { sent[me] < MSGS -> i = 0; l = 0 };
		atomic { start = hint; l = start / CAP; i = start % CAP };
		do
		:: atomic { lap[i] > l ->       /* the hint lags: a free cell was passed in the lap before its own */
			l = (state[i] == FREE -> lap[i] - 1 : lap[i]);
			l = (i + 1 == CAP -> l + 1 : l);
			i = (i + 1) % CAP }
		:: atomic { lap[i] == l && state[i] != FREE ->
			l = (i + 1 == CAP -> l + 1 : l);
			i = (i + 1) % CAP }
		:: atomic { lap[i] < l && !(l > done / CAP + 1 || (l == done / CAP + 1 && i > done % CAP)) ->
			/* Full: waits for room, and looks again. */
			i = done % CAP; l = done / CAP };
			(lap[i] > l || state[i] == FREE)
		:: atomic { lap[i] < l && (l > done / CAP + 1 || (l == done / CAP + 1 && i > done % CAP)) ->
			i = done % CAP; l = done / CAP }
		:: MAY_DIE -> goto die
#ifdef SEED_CLAIM_APART
		:: atomic { lap[i] == l && state[i] == FREE -> state[i] = CLAIMED; owner[i] = NOBODY };
			if
			:: MAY_DIE -> goto die
			:: owner[i] = me
			fi;
			break
#else
		:: atomic { lap[i] == l && state[i] == FREE -> state[i] = CLAIMED; owner[i] = me; break }
#endif
		od;
		if
		:: MAY_DIE -> goto die
		/* Looked at and stored by two accesses: a producer held up between them stores an old hint. */
		:: hint == start ->
			if
			:: MAY_DIE -> goto die
			:: hint = l * CAP + i + 1
			fi
		:: hint != start
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { from[i] = me; number[i] = sent[me] }
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { assert(state[i] == CLAIMED && owner[i] == me && lap[i] == l);
			state[i] = FULL; sent[me]++ }
		fi
	od;
die:
	atomic { deaths++; producer_dead[me] = true; i = 0; l = 0; start = 0 };
	!producer_dead[me] -> goto begin;
out:
	finished++
}

proctype consumer() {
	byte t, d;

begin:
	atomic { t = done; d = done };
	taken = d;
	do
	:: all_ended && d == t && !(lap[d % CAP] == d / CAP && state[d % CAP] == ABORTED) -> goto out
	:: MAY_DIE -> goto die
	:: atomic { t - d < CAP && lap[t % CAP] == t / CAP && (state[t % CAP] == FULL || state[t % CAP] == ABORTED) ->
		t++; taken = t }
	/* done; of a cell that holds nothing, as soon as it is the oldest */
	:: d < t ->
		assert(lap[d % CAP] == d / CAP);
#ifdef SEED_FREE_EARLY
		atomic { lap[d % CAP] = d / CAP + 1; state[d % CAP] = FREE };
		if
		:: MAY_DIE -> goto die
		:: atomic { done = d + 1; end_one(d % CAP) }
		fi;
#else
		atomic {
			if
			:: state[d % CAP] == FULL -> end_one(d % CAP)
			:: else -> assert(state[d % CAP] == ABORTED)
			fi;
			done = d + 1 };
		if
		:: MAY_DIE -> goto die
		:: atomic { lap[d % CAP] = d / CAP + 1; state[d % CAP] = FREE }
		fi;
#endif
		d++
	od;
die:
	atomic { deaths++; consumer_dead = true; t = 0; d = 0 };
	!consumer_dead -> goto begin;
out:
	skip
}

proctype broker() {
	byte d, t, i, p;

begin:
	atomic { d = 0; t = 0; i = 0; p = 0 };
end:
	do
	:: producer_dead[0] || producer_dead[1] ->
		p = (producer_dead[0] -> 0 : 1);
		i = 0;
#ifndef SEED_NO_ABORT
		do
		:: atomic { i < CAP && state[i] == CLAIMED && owner[i] == p -> state[i] = ABORTED; i++ }
		:: i < CAP && !(state[i] == CLAIMED && owner[i] == p) -> i++
		:: i < CAP && MAY_DIE -> deaths++; goto begin
		:: i == CAP -> break
		od;
#endif
		atomic { producer_dead[p] = false; i = 0; p = 0 }
	:: consumer_dead ->
		atomic { d = done; t = taken; assert(t >= d && t - d <= CAP) };
		do
		:: d < t ->
			atomic {
				if
				:: lap[d % CAP] == d / CAP && state[d % CAP] == ABORTED
				:: else -> assert(lap[d % CAP] == d / CAP); end_one(d % CAP)
				fi;
				done = d + 1; d++ };
		:: d < t && MAY_DIE -> deaths++; goto begin
		:: d == t -> break
		od;
		/* free_cells: those below done of a lap not gone */
		i = (d > CAP -> d - CAP : 0);
		do
		:: atomic { i < d && lap[i % CAP] == i / CAP -> lap[i % CAP] = i / CAP + 1; state[i % CAP] = FREE; i++ }
		:: i < d && lap[i % CAP] != i / CAP -> i++
		:: i < d && MAY_DIE -> deaths++; goto begin
		:: i >= d -> break
		od;
		atomic { consumer_dead = false; d = 0; t = 0; i = 0 }
	od
}

init {
	atomic { run producer(0); run producer(1); run consumer(); run broker() }
}
