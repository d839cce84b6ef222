/*
 * The doorbell: sleeping and waking with the fence on the sleeper's side, with death of a ringer, of the sleeper and of the
 * broker as a transition, on processors that delay stores (a buffer for each ringer).
 *
 * Stands for:  sleeper   shmchan/bell.c: shmchan_bell_prepare, shmchan_bell_cancel, shmchan_bell_wait;
 *                        shmchan/wait.c: sleep_once
 *              ringer    shmchan/bell.h: shmchan_bell_ring; shmchan/bell.c: shmchan_bell_ring_slow;
 *                        shmchan/send.c: publish
 *              broker    shmchan/recover.c: wake_peers, shmchan_broker_recover_broker; shmchan/bell.c: shmchan_bell_force
 * One statement is one access to shared memory or one system call. A death may come before each. What the dead had stored
 * is seen by all before the broker acts: it waits for the end of the process.
 *
 * Shown:  when nothing moves any more there is no message beside a sleeper (VARIANT_PLAIN: with fences at the ringers instead).
 * Seeded: SEED_NO_MEMBARRIER  the sleeper leaves the ringers' buffers alone
 *         SEED_LOOK_FIRST     it looks before it says that it sleeps
 *         SEED_NO_FORCE       recovery of a ringer that died before its wake-up rings no bell
 */
#define RINGERS 2
#define MSGS 1      /* of each incarnation of a ringer */
#define DEATHS 2
#define ASLEEP 1

byte bell;                /* ASLEEP, and 2 for each ring: fewer than wrap around */
bool in_futex;            /* the sleeper waits in the kernel */
byte visible;             /* messages published and not taken, as all see them */
byte buffered[RINGERS];   /* published, still in the ringer's store buffer */
byte deaths;
bool ringer_dead[RINGERS], sleeper_dead, broker_died;

#define MAY_DIE (deaths < DEATHS)

inline drain(r) {
	d_step { visible = visible + buffered[r]; buffered[r] = 0 }
}

proctype ringer(byte r) {
	byte n, v;

begin:
	n = 0;
	do
	:: n == MSGS -> goto out
	:: MAY_DIE -> goto die
	:: atomic { n < MSGS -> buffered[r]++; n++ };  /* R0: the store that publishes */
#ifdef VARIANT_PLAIN
		if :: MAY_DIE -> goto die :: drain(r) fi;  /* R1 */
#endif
		if :: MAY_DIE -> goto die :: v = bell fi;  /* R2 */
		do
		:: atomic { (v & ASLEEP) == 0 -> v = 0; break }
		:: v & ASLEEP ->
			if
			:: MAY_DIE -> goto die
			/* A locked instruction: its own stores are out before it. */
			:: atomic { bell != v -> drain(r); v = bell }
			:: atomic { bell == v -> drain(r); bell = v + 1; v = 0 };
				if
				:: MAY_DIE -> goto die
				:: in_futex = false          /* FUTEX_WAKE */
				fi
			fi
		od
	od;
die:
	atomic { deaths++; ringer_dead[r] = true; v = 0; n = 0 };
	!ringer_dead[r] -> goto begin;
out:
	skip
}

/* The processors: a store leaves the buffer when it likes. */
proctype memory() {
end:
	do
	:: atomic { buffered[0] > 0 -> buffered[0]--; visible++ }
	:: atomic { buffered[1] > 0 -> buffered[1]--; visible++ }
	od
}

proctype sleeper() {
	byte v;

begin:
	do
	:: atomic { visible > 0 -> visible-- }
	:: MAY_DIE -> goto die
	:: visible == 0 ->
#ifndef SEED_LOOK_FIRST
		if
		:: MAY_DIE -> goto die
		:: atomic { v = bell | ASLEEP; bell = v }    /* W0, and the fence of this processor */
		fi;
#if !defined(SEED_NO_MEMBARRIER) && !defined(VARIANT_PLAIN)
		d_step { drain(0); drain(1) };               /* W1 */
#endif
		if                                           /* W2 */
		:: atomic { visible > 0 ->
			if
			:: bell == v -> bell = v & ~ASLEEP
			:: else
			fi;
			goto next }
		:: visible == 0
		fi;
#else
		atomic { v = bell | ASLEEP; bell = v };
		d_step { drain(0); drain(1) };
#endif
		atomic {                                     /* W3: the kernel compares, then sleeps */
			if
			:: bell == v -> in_futex = true
			:: else -> goto next
			fi
		};
end_asleep:
		if
		:: !in_futex
		:: in_futex && MAY_DIE -> goto die
		fi;
next:
		v = 0
	od;
die:
	atomic { deaths++; in_futex = false; sleeper_dead = true; v = 0 };
	!sleeper_dead -> goto begin
}

/* CAS and wake-up are two steps; a broker that dies between them is followed by one that rings every bell. */
inline force() {
	bell = (bell | ASLEEP) + 1;
	if
	:: atomic { MAY_DIE -> deaths++; broker_died = true; goto begin }
	:: in_futex = false
	fi
}

proctype broker() {
	byte r;

begin:
end:
	do
	:: broker_died -> force(); broker_died = false
	:: ringer_dead[0] || ringer_dead[1] ->
		r = (ringer_dead[0] -> 0 : 1);
		drain(r);
#ifndef SEED_NO_FORCE
		force();
#endif
		ringer_dead[r] = false
	:: sleeper_dead -> sleeper_dead = false
	:: timeout -> assert(visible == 0 && buffered[0] == 0 && buffered[1] == 0)
	od
}

init {
	atomic { run ringer(0); run ringer(1); run memory(); run sleeper(); run broker() }
}
