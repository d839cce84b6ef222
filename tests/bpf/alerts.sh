#!/bin/bash
# Alerts are sent when a threshold is crossed, a process dies, and its replacement takes over.
. "$(dirname "$0")/apart.sh"
. "$(dirname "$0")/../tools/tap.sh"
G=alert-test-$$
n=50

# follow ARGUMENT...: starts it and returns when it is attached, or has ended without.
follow() {
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
# Of the JSON lines: an array.
events() { is "$(jq -sc "$1" "$work/out")" "$2"; }

begin $G $n
follow -j probe alerts $G
if grep -q watching "$work/err"; then
	say fill
	stop
	check 'ends well when interrupted' is "$status" 0
	check 'the depth that the topology declares' \
		events '[.[] | [.event,.channel,.value,.limit]]' '[["depth","work",6,6]]'
	check 'and by whom' events ".[0].pid > 1 and (.[0].time | startswith(\"20\"))" true
	end
	begin $G $n
	follow -j probe alerts $G --depth work=3 --wait 0.000001
	say start
	say flow
	stop
	check 'a waiting time' events '[.[] | select(.event == "wait" and .channel == "work")] |
		length >= 1 and (map(.value >= .limit and .limit == 1) | all)' true
	check 'nothing that is below its threshold' events '[.[] | select(.event == "depth") | .value >= 3] | all' true
	tool -j chan list $G
	follow -j probe alerts $G
	say hold
	say start
	say flow
	stop
	check 'a death, from the kernel: recovered, with the message set aside' \
		events '[.[] | select(.service == "consumer" and .event == "recovered")][0] | [.recovery_ns > 0, .value > 0, .incarnation]' '[true,true,2]'
	check 'the message that it died with' events '[.[] | select(.event == "dead-letter") | [.channel,.position]]' "[[\"work\",$n]]"
	check 'the replacement: started after the death, then its first message' \
		events '[.[] | select(.event == "first-message" and .service == "consumer")][0] |
			[.channel, .position, .exec_ns > 0, .first_pop_ns > .exec_ns, .first_pop_ns > .recovery_ns]' \
		"[\"work\",$((n + 1)),true,true,true]"
	follow probe alerts $G --depth work=8 --count 1
	say fill
	wait $watcher
	check 'ends after so many' is $? 0
	check 'plain, in words' grep -q '^20.* depth .* work .*8 messages deep, alert from 8' "$work/out"
	tool -j chan list $G
	tool probe attach $G --every 1
	say jam
	follow -j probe alerts $G --count 1
	wait $watcher
	check 'of what is attached for good also what was before' \
		events '[.[] | [.event,.channel,.value,.limit]]' '[["depth","work",7,6]]'
	tool probe detach $G
else
	stop
	check 'where it cannot attach it says why' refused 6 ' '
fi
tool probe alerts $G --depth work
check 'a threshold that is none' refused 2 "depth 'work' is not CHANNEL=NUMBER"
tool probe alerts $G --wait work=-1
check 'a waiting time that is none' refused 2 "wait 'work=-1' is not CHANNEL=NUMBER"
tool probe alerts $G --depth wrok=3
check 'a channel that is none' refused 7 "no channel 'wrok'"
tool probe alerts $G -f nonsense
check 'a field that is none' refused 2 "nonsense"
end
check 'the group ended well' is $? 0
plan
