#!/bin/bash
# Who is behind: with a receiver that is not there, one that is stopped, and two that wait for each other.
. "$(dirname "$0")/tap.sh"
G=why-test-$$

begin $G 10
say fill
tool -j why $G work --seconds 0.01
check 'no receiver' json '[.[] | [.channel,.state,.receiver,.pid,.process,.waits_in]]' '[["work","full","consumer",null,"gone",null]]'
check 'in words' json '.[-1].finding' '"consumer has no process (free, incarnation 0)"'
tool -j why $G idle --seconds 0.01
check 'nothing wrong' json '.[0].state' '"empty"'
tool why $G nowhere
check 'an unknown channel' refused 7 "no channel 'nowhere'"
tool why $G work --seconds soon
check 'no time' refused 2 "seconds 'soon'"

say jam
# The producer sleeps once it has spun a little.
for _ in $(seq 500); do
	tool -j why $G work --seconds 0.01
	[ "$(jq length "$work/out")" = 2 ] && grep -q circle "$work/out" && break
done
check 'a circle' json '[.[] | [.channel,.receiver,.process,.waits_for,.waits_in]]' \
	'[["work","consumer","asleep","room","back"],["back","producer","asleep","room","work"]]'
check 'the message in hand' json '.[0] | [.position,.type,.correlation]' '[0,2,0]'
check 'in words' json '.[-1].finding' '"producer waits for room in work: they wait for each other in a circle"'
tool why $G work --seconds 0.01
check 'plain: one line per step' is "$(wc -l <"$work/out")" 3
end
check 'the group ended well' is $? 0

begin $G 10
say fill
say freeze
tool -j why $G work --seconds 0.01
check 'a stopped receiver' json '.[-1] | [.receiver,.process,.correlation,.finding]' \
	'["consumer","stopped",0,"consumer is stopped by a signal or a debugger"]'
end
check 'that group ended well' is $? 0

begin $G 10
say ask
say freeze
for _ in $(seq 500); do # until the asker sleeps
	tool -j why $G back --seconds 0.01
	[ "$(jq length "$work/out")" = 2 ] && break
done
check 'an unanswered request' json '[.[] | [.channel,.state,.receiver,.waits_for,.waits_in]]' \
	'[["back","empty","producer","answer","work"],["work","stuck","consumer",null,null]]'
check 'and who has it' json '.[-1] | [.process,.correlation]' '["stopped",77]'
end
check 'and that one' is $? 0
plan
