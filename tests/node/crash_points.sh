#!/bin/bash
# Services that kill themselves at named points: what is lost is exactly what was in flight there.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

n=192
# point SERVICE POINT TIMES DEATHS DEAD ASKED: SERVICE dies at POINT in its first TIMES incarnations, which makes
# DEATHS deaths, DEAD requests lost with them, and ASKED questions to HotDB asked again.
point() {
	local service=$1 at=$2 times=$3 deaths=$4 dead=$5 asked=$6
	run_group requests=$n "${service}_dies=$at:$times"
	ok "$service $at: $n requests balance" balanced $n
	ok "$service $at: dies $deaths times" is .respawns "$deaths"
	ok "$service $at: $dead dead letters" is .dead_letters "$dead"
	ok "$service $at: $asked questions asked again" is .asked_again "$asked"
	ok "$service $at: nothing is left" nothing_left
}

point hotdb after-take 3 3 0 3
point hotdb in-copy 3 3 0 3
point hotdb before-move 3 3 0 3
point hotdb after-move 3 3 0 0
# Two workers, each of which dies that often.
point worker after-take 2 4 4 0
point worker after-request 2 4 4 0
point worker after-trail 2 4 4 0
point worker before-answer 2 4 4 0
point collector after-take 3 3 3 0
point collector after-mark 3 3 3 0
point collector before-done 3 3 3 0
point feeder after-reserve 3 3 0 0
point feeder after-send 3 3 0 0
end
