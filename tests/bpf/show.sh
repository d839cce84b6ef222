#!/bin/bash
# shmtool probe hist and show, attached to a real pair of processes: the histograms count the messages, each once.
. "$(dirname "$0")/../tools/tap.sh"
G=probe-test-$$
n=2000

# watch ARGUMENT...: starts it and returns when it is attached, or has ended without.
watch() {
	: >"$work/err"
	"$shmtool" "$@" >"$work/out" 2>"$work/err" &
	watcher=$!
	while kill -0 $watcher 2>/dev/null && ! grep -q watching "$work/err"; do sleep 0.02; done
}
stop() {
	kill -INT $watcher 2>/dev/null
	wait $watcher
	status=$?
}

begin $G $n
say start
watch -j probe hist $G --seconds 0 --every 1
if grep -q watching "$work/err"; then
	say flow
	stop
	check 'ends well when interrupted' is "$status" 0
	for c in work back; do
		q=".channels[] | select(.name==\"$c\")"
		check "$c: push, pop, done count every message" json "$q | [.push,.pop,.done,.every]" "[$n,$n,$n,1]"
		check "$c: depths count every message" json "$q | [.depth[].count] | add" "$n"
		check "$c: no depth is beyond the capacity" json "$q | .capacity as \$c | [.depth[] | .low >= 1 and .low <= \$c] | all" true
		check "$c: every message has its waiting time" json "$q | [.unmatched, ([.wait_ns[].count] | add)]" "[0,$n]"
		check "$c: and its service time" json "$q | [.service_ns[].count] | add" "$n"
	done
	"$shmtool" -j chan list $G >"$work/out"
	check 'the counters in shared memory say the same' json '[.[0,1].enqueued]' "[$n,$n]"

	say start
	watch -j probe hist $G --seconds 0 --every 64
	say flow
	stop
	check 'one message in 64' json '.channels[0].every' 64
	# Positions 2000..3999 that are multiples of 64: 2048..3968; and the first one taken.
	check 'by position, and the first' json '.channels[0] | [.push,.pop,.done]' '[31,32,31]'

	watch -j probe show $G --seconds 0
	say hold
	stop
	check 'default: one message in 64' json '.channels[0].every' 64
	check 'a dead letter is counted' json '.channels[0].dead_letter' 1
	check 'positions are right although few messages are sampled' json '.channels[0] | [.popped,.completed]' \
		"[$((2 * n + 1)),$((2 * n + 1))]"
	check 'who slept is told by service' json '[.processes[] | .name] == ["producer","consumer"]' true
	check 'the death of the consumer, from the exit to its recovery' \
		json '.deaths[] | select(.name=="consumer") | [.deaths, .recovery_ns > 0, .recovery_ns > .repair_ns]' '[1,true,true]'
	watch probe hist $G --seconds 0 --every 1
	say fill
	stop
	check 'plain: depths from 1 to 8' is "$(grep -cE '^ +[0-9-]+ +[1-9][0-9]* \|#' "$work/out")" 8
	check 'plain: found full' grep -qE '^work .*push 8, .* full [1-9]' "$work/out"
	watch -j probe show $G --seconds 0 --every 1
	kill -KILL $watcher
	wait $watcher 2>/dev/null
	watch probe show $G --seconds 0
	stop
	check 'sampling that a killed shmtool left is set back' grep -q "'work' was left at one message in 1 by" "$work/err"
	check 'plain: tables' is "$(grep -cE '^(channels|processes):$' "$work/out")" 2
	watch probe hist $G --seconds 0
	end
	wait $watcher
	check 'ends with the group' is $? 0
	begin $G $n
else
	stop
	check 'where it cannot attach it says why' refused 6 ' '
	echo "# $(cat "$work/err")"
fi

tool probe show $G --seconds never
check 'seconds that are none' refused 2 "seconds 'never' is not a number"
tool probe show $G --every 3
check 'sampling that is none' refused 2 "every '3' is not a power of two"
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	setpriv --bounding-set=-all --inh-caps=-all "$shmtool" probe show $G --seconds 0 >"$work/out" 2>"$work/err"
	status=$?
	check 'without the right to load programs' refused 6 ''
else
	check 'without the right to load programs (needs root) # SKIP' true
fi
end
check 'the group ended well' is $? 0
check 'no segment is left' is "$(find /dev/shm -name "shmchan.$G*" | wc -l)" 0
plan
