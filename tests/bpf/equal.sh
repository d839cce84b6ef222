#!/bin/bash
# What BPF counts equals what stands in shared memory, after BPF_MESSAGES messages with services being killed; when messages
# are in the channels, and when they are drained. With every message sampled, and with the default sampling.
#
# Counts are the positions that the probes carry, put right by `settle` after each recovery: exact with every message sampled;
# with fewer, until the end that moved last ends. Hits are counted besides: they may miss what a process was killed before.
. "$(dirname "$0")/apart.sh"
. "$(dirname "$0")/../tools/tap.sh"
n=${BPF_MESSAGES:-60000}
storm=

start() {
	coproc STORM { exec "$BUILD/test/storm" "$1" "$n" 2>"$work/storm"; }
	storm=$STORM_PID
	hear created
}
hear() {
	local line
	read -r line <&"${STORM[0]}" && [ "${line%% *}" = "$1" ] && said=${line#* } && return
	echo "Bail out! storm: $(cat "$work/storm")"
	exit 1
}
order() {
	echo "$1" >&"${STORM[1]}"
	hear "$1"
}
quit() {
	[ -n "$storm" ] || return 0
	eval "exec ${STORM[1]}>&-"
	wait "$storm"
	local status=$?
	storm=
	return $status
}
# shellcheck disable=SC2317  # called by the trap
leave() {
	[ -z "${G:-}" ] || "$shmtool" probe detach "$G" 2>/dev/null
	quit
	finish
}
trap leave EXIT

# both FILTER: of {"c": channel as shared memory has it, "p": as BPF has it} for each channel, by name.
both() {
	jq -c --slurpfile p "$work/probe" "[.[] | . as \$c | (\$p[0].channels[] | select(.name == \$c.name)) as \$p |
		{c: \$c, p: \$p}] | $1" "$work/chan"
}
look() {
	"$shmtool" -j chan list "$G" >"$work/chan" && "$shmtool" -j probe show "$G" >"$work/probe"
	cp "$work/chan" "$work/out"
	: >"$work/err"
}
# Positions of cells that were claimed and taken back are used too: in mpsc they are part of the position. In a list a message
# has a position only when it is sent.
lost='(if .c.kind == "mpsc" then .c.aborted else 0 end)'
same() { is "$(both "map([.c.name, .c.enqueued + $lost, .c.dequeued + $lost, .c.depth])")" \
	"$(both 'map([.c.name, .p.pushed, .p.popped, .p.depth])')"; }
completed() { is "$(both "map(.c.done + $lost)")" "$(both 'map(.p.completed)')"; }

# Of a ring with several producers it reads a hint of the tail, which the recovery of the last one to end has put right.
counters() { is "$(tail -n +2 "/sys/fs/bpf/shmchan/$G/counters" | sort)" \
	"$(jq -r '.[] | (if .kind == "mpsc" then .aborted else 0 end) as $lost |
		"\(.name) \(.enqueued + $lost) \(.dequeued + $lost) \(.done + $lost) \(.depth)"' "$work/chan" | sort)"; }

run() {
	G=equal-$$-${1%%-*}
	start "$G"
	if ! "$shmtool" probe attach "$G" ${2:+--every "$2"} 2>"$work/err"; then
		quit
		: >"$work/out"
		check "where it cannot attach it says why" test -s "$work/err"
		G=
		return
	fi
	order go
	kills=$said
	look
	echo "# $1: $(both 'map(.c.enqueued) | add') messages, $kills kills; in the channels: $(both 'map(.c.depth)')"
	check "$1: services were killed" [ "$kills" -gt 0 ]
	check "$1: with messages in the channels: pushed, popped, depth" same
	check "$1: and by the pinned iterator" counters
	check "$1: from a death to the first message, of one consumer of several too" \
		is "$(jq -c '.deaths | map(select(.name | IN("reader", "helper", "spare")) | .deaths < 5 or .first_pop_p50_ns > 0)' \
			"$work/probe")" '[true,true,true]'
	check "$1: there are some in each" is "$(both 'map(.c.depth > 0) | all')" true
	order drain
	look
	check "$1: drained: by the pinned iterator" counters
	check "$1: drained: pushed, popped, depth" same
	check "$1: drained: completed" completed
	check "$1: nothing is left" is "$(both 'map(.p.depth)')" '[0,0,0,0,0,0,0,0]'
	check "$1: dead letters" is "$(both 'map(.c.dead)')" "$(both 'map(.p.dead_letter)')"
	if [ -n "$2" ]; then
		echo "# $1: found full, looks in shared memory: $(both 'map([.p.full, .c.full])')"
		echo "# $1: hits less messages: push $(both 'map(.p.push - .c.enqueued)'), pop $(both 'map(.p.pop - .c.dequeued)')"
		# To a list recovery adds what the dead had decided to send.
		check "$1: pushes: one more, to a list one less, for each death" is \
			"$(both "map(.p.push - .c.enqueued | . <= $kills and . >= 0) | .[:5] | all")$(both \
				"map(.p.push - .c.enqueued | . <= $kills and . >= -$kills) | .[5:] | all")" truetrue
		"$shmtool" -j probe hist "$G" >"$work/out"
		check "$1: every push has its depth, from 1 to the capacity" json \
			'[.channels[] | .push == ([.depth[].count] | add) and ([.depth[].low] | min >= 1 and max <= 61)] | all' true
		check "$1: every pop has its waiting time, but of what the dead had not told" json \
			"[.channels[] | .pop == .unmatched + ([.wait_ns[].count] | add) and .unmatched <= $kills] | all" true
		check "$1: pops: one less or, redelivered, one more for each death" is \
			"$(both "map(.p.pop - .c.dequeued | -$kills <= . and . <= $kills) | all")" true
	fi
	"$shmtool" probe detach "$G"
	check "$1: the group ended well" quit
	G=
}

run every-message 1
run default-sampling ''
plan
