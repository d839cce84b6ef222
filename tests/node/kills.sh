#!/bin/bash
# Kills hotdb and each worker KILLS times, feeder and collector half as often, at random moments of as many jobs as
# that takes. Every job balances: no verdict is wrong, missing or there twice.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

kills=${KILLS:-100}
n=${REQUESTS:-3000}
RANDOM=${SEED:-$$}
say "seed ${SEED:-$$}"
declare -A want=([hotdb]=$kills [rewinder-worker-1]=$kills [rewinder-worker-2]=$kills
	[feeder]=$((kills / 2)) [collector]=$((kills / 2)))
declare -A respawns=([hotdb]=0 [rewinder-worker-1]=0 [rewinder-worker-2]=0 [feeder]=0 [collector]=0)

missing() {
	local s sum=0
	for s in "${!want[@]}"; do
		if [ "${respawns[$s]}" -lt "${want[$s]}" ]; then sum=$((sum + want[$s] - respawns[$s])); fi
	done
	echo $sum
}

# One of those that still lack kills; all of them while none does.
victim() {
	local s left=()
	for s in "${!want[@]}"; do
		if [ "${respawns[$s]}" -lt "${want[$s]}" ]; then left+=("$s"); fi
	done
	echo "${left[RANDOM % ${#left[@]}]}"
}

# By the supervisor's hand, or behind its back.
strike() {
	if [ $((RANDOM % 2)) = 0 ]; then
		"$shmsup" kill "$group" "$1" >/dev/null 2>&1
	else
		local pid
		pid=$("$shmsup" status -j "$group" 2>/dev/null |
			jq ".services[] | select(.name == \"$1\" and .pid > 0) | .pid")
		if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null; fi
	fi
}

jobs=0 sent=0 dead=0 unbalanced=0
while [ "$(missing)" -gt 0 ] && [ $unbalanced = 0 ] && [ $jobs -lt 200 ]; do
	begin requests="$n"
	while kill -0 "$supervisor" 2>/dev/null; do
		# The moment: anywhere in the life of the victim's incarnation.
		sleep "0.0$((RANDOM % 50 + 10))"
		strike "$(victim)"
	done
	finish
	jobs=$((jobs + 1))
	if ! balanced "$n" || ! nothing_left; then
		unbalanced=1
		break
	fi
	for s in "${!want[@]}"; do
		respawns[$s]=$((respawns[$s] + $(report ".per_service[\"$s\"].respawns")))
	done
	sent=$((sent + n)) dead=$((dead + $(report .dead_letters)))
done
ok "every job balances, nothing is left" [ $unbalanced = 0 ]
for s in hotdb rewinder-worker-1 rewinder-worker-2 feeder collector; do
	ok "$s was replaced ${respawns[$s]} times" [ "${respawns[$s]}" -ge "${want[$s]}" ]
done
say "$jobs jobs, $sent requests, $dead dead letters"
# Only these lose a request of the job when they die: HotDB's questions are asked again, the feeder holds none.
deaths=$((respawns[rewinder-worker-1] + respawns[rewinder-worker-2] + respawns[collector]))
ok "no more dead letters than deaths" [ $dead -le $deaths ]
end
