/*
 * The many-producer single-consumer list: Vyukov's queue over nodes that name their owner, with death of a producer, of the
 * consumer, and of the broker as a transition.
 *
 * Stands for:  producer   shmchan/list_chan.c: shmchan_list_reserve (which free node is open: hint and caches are not here),
 *                         shmchan_list_publish; shmchan/mpsc_list.c: shmchan_mpsc_list_exchange; shmchan/list.c:
 *                         shmchan_list_tell
 *              consumer   shmchan/list.c: shmchan_list_pop, shmchan_list_free; shmchan/list_chan.c: shmchan_list_done_n
 *              broker     shmchan/list_recover.c: settle with find_held, close_gaps, push_for, free_claims; shmchan/list.c:
 *                         shmchan_list_repair_head
 * One statement is one access to shared memory. A death may come before each.
 *
 * Shown:  what was marked as sent is completed once, each producer's messages in its order; a node is never in two hands;
 *         nobody waits for ever (no invalid end state).
 * Seeded: SEED_PREV_LATE  the place before is written after the exchange of the tail, not before it
 *         SEED_NO_GAPS    recovery leaves places that nobody was told of
 *         SEED_NO_PUSH    recovery frees what was marked as sent and not yet in the queue
 */
#define CAP 2
#define LINKS 3
#define PRODUCERS 2
#ifdef VARIANT_MORE_DEATHS /* the broker's among them, in the middle of the repair */
#define MSGS 1
#define DEATHS 3
#else
#define MSGS 2 /* of each producer, however often it dies */
#define DEATHS 1
#endif

#define FREE 0
#define CLAIMED 1
#define SENT 2
#define TAKEN 3

/* A place: ticket and link. */
#define PLACE(t, l) ((t) * 4 + (l))
#define TICKET(p) ((p) / 4)
#define LINK(p) ((p) % 4)

/* Nodes: the word is state and owner, for TAKEN the number in `no`; what they carry; their link. */
byte state[CAP], owner[CAP], no[CAP];
byte from[CAP], number[CAP], mine[CAP];
byte next[LINKS], prev[LINKS], node[LINKS];
byte head, tail;
byte done;

/* What the proof keeps beside it. */
byte sent[PRODUCERS], ended[PRODUCERS];
byte deaths, finished;
bool producer_dead[PRODUCERS], consumer_dead;

#define MAY_DIE (deaths < DEATHS)
#define all_ended (finished == PRODUCERS && ended[0] == sent[0] && ended[1] == sent[1])

inline end_one(i) {
	assert(state[i] == TAKEN);
	assert(number[i] == ended[from[i]]);
	ended[from[i]]++
}

proctype producer(byte me) {
	byte i, l, t;

begin:
	do
	:: sent[me] == MSGS -> goto out
	:: sent[me] < MSGS ->
		if
		:: MAY_DIE -> goto die
		:: atomic { state[0] == FREE -> i = 0 }
		:: atomic { state[1] == FREE -> i = 1 }
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { state[i] != FREE -> goto begin }
		:: atomic { state[i] == FREE -> state[i] = CLAIMED; owner[i] = me; l = mine[i] }
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { from[i] = me; number[i] = sent[me] }
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { assert(state[i] == CLAIMED && owner[i] == me); state[i] = SENT; sent[me]++ }
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { node[l] = i; t = tail }
		fi;
		do
		:: MAY_DIE -> goto die
#ifdef SEED_PREV_LATE
		:: atomic { t = tail; tail = PLACE(TICKET(t) + 1, l) };
			if
			:: MAY_DIE -> goto die
			:: prev[l] = t
			fi;
			break
#else
		:: prev[l] = t;
			if
			:: MAY_DIE -> goto die
			:: atomic { tail != t -> t = tail }
			:: atomic { tail == t -> tail = PLACE(TICKET(t) + 1, l); break }
			fi
#endif
		od;
		if
		:: MAY_DIE -> goto die
		:: next[LINK(t)] = PLACE(TICKET(t) + 1, l)
		fi
	od;
die:
	atomic { deaths++; producer_dead[me] = true; i = 0; l = 0; t = 0 };
	!producer_dead[me] -> goto begin;
out:
	finished++
}

proctype consumer() {
	byte n, i, t, d;
	byte held[CAP];

begin:
	atomic { d = done; t = d };
	do
	:: all_ended && d == t -> goto out
	:: MAY_DIE -> goto die
	:: atomic { t - d < CAP && TICKET(next[LINK(head)]) == TICKET(head) + 1 ->
		n = next[LINK(head)]; i = node[LINK(n)];
		assert(state[i] == SENT) };
		if
		:: MAY_DIE -> goto die
		:: mine[i] = LINK(head)
		fi;
		if
		:: MAY_DIE -> goto die
		:: atomic { state[i] = TAKEN; no[i] = t + 1; held[t % CAP] = i; t++ }
		fi;
		if
		:: MAY_DIE -> goto die
		:: head = n
		fi
	:: atomic { d < t -> end_one(held[d % CAP]); done = d + 1 };
		if
		:: MAY_DIE -> goto die
		:: atomic { state[held[d % CAP]] = FREE; d++ }
		fi
	od;
die:
	atomic { deaths++; consumer_dead = true; n = 0; i = 0; t = 0; d = 0; held[0] = 0; held[1] = 0 };
	!consumer_dead -> goto begin;
out:
	skip
}

#define BROKER_MAY_DIE MAY_DIE -> goto died

proctype broker() {
	byte i, at, before, h, p, l;
	bool seen[CAP];

begin:
	atomic { i = 0; at = 0; before = 0; h = 0; p = 0; l = 0; seen[0] = false; seen[1] = false };
end:
	if
	:: consumer_dead -> goto settle
	:: producer_dead[0] -> p = 0
	:: producer_dead[1] -> p = 1
	fi;

	/* close_gaps */
	h = TICKET(head);
	at = tail;
	do
	:: TICKET(at) == h -> break
	:: TICKET(at) != h ->
		atomic { before = prev[LINK(at)]; i = node[LINK(at)] };
		if
		:: atomic { TICKET(before) + 1 != TICKET(at) -> break }
		:: else
		fi;
		seen[i] = true;
#ifndef SEED_NO_GAPS
		if
		:: BROKER_MAY_DIE
		:: next[LINK(before)] == at
		:: next[LINK(before)] != at ->
			if
			:: atomic { state[i] == SENT && owner[i] == p -> l = 1 }
			:: else -> l = 0
			fi;
			if
			:: l == 1 ->
				if
				:: BROKER_MAY_DIE
				:: next[LINK(before)] = at
				fi
			:: l == 0
			fi
		fi;
#endif
		at = before
	od;

	/* push_for: at most one, as a producer sends one at a time; and free_claims */
	i = 0;
	do
	:: i == CAP -> break
	:: atomic { i < CAP && state[i] == SENT && owner[i] == p && !seen[i] -> l = mine[i] };
#ifdef SEED_NO_PUSH
		state[i] = FREE;
#else
		atomic { node[l] = i; at = tail };
		do
		:: BROKER_MAY_DIE
		:: prev[l] = at;
			if
			:: BROKER_MAY_DIE
			:: atomic { tail != at -> at = tail }
			:: atomic { tail == at -> tail = PLACE(TICKET(at) + 1, l); break }
			fi
		od;
		if
		:: BROKER_MAY_DIE
		:: next[LINK(at)] = PLACE(TICKET(at) + 1, l)
		fi;
#endif
		i++
	:: atomic { i < CAP && !(state[i] == SENT && owner[i] == p && !seen[i]) -> i++ }
	od;
	i = 0;
	do
	:: i == CAP -> break
	:: i < CAP && BROKER_MAY_DIE
	:: atomic { i < CAP && state[i] == CLAIMED && owner[i] == p -> state[i] = FREE; i++ }
	:: atomic { i < CAP && !(state[i] == CLAIMED && owner[i] == p) -> i++ }
	od;
	producer_dead[p] = false;
	goto begin;

settle:
	/* shmchan_list_repair_head; the consumer is dead, the broker is alone here */
	at = next[LINK(head)];
	if
	:: atomic { TICKET(at) == TICKET(head) + 1 && state[node[LINK(at)]] == TAKEN && mine[node[LINK(at)]] == LINK(head) ->
		head = at }
	:: else
	fi;
	/* find_held: the completed are freed; then those in flight become letters, in order */
	do
	:: BROKER_MAY_DIE
	:: atomic { state[0] == TAKEN && no[0] <= done -> state[0] = FREE }
	:: atomic { state[1] == TAKEN && no[1] <= done -> state[1] = FREE }
	:: atomic { state[0] == TAKEN && no[0] == done + 1 -> end_one(0); done++ }
	:: atomic { state[1] == TAKEN && no[1] == done + 1 -> end_one(1); done++ }
	:: state[0] != TAKEN && state[1] != TAKEN -> break
	od;
	consumer_dead = false;
	goto begin;
died:
	deaths++;
	goto begin
}

init {
	atomic {
		mine[0] = 1;
		mine[1] = 2;
		run producer(0); run producer(1); run consumer(); run broker()
	}
}
