#!/bin/bash
# Services that are restarted together, and what comes of one that dies all the time.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-y
# group_of STRATEGY KEYS: a, b, c in that order, c depends on b; d beside them.
group_of() {
	cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: a, command: $actor, args: [order, a]}
  - {name: b, command: $actor, args: [order, b]}
  - {name: c, command: $actor, args: [order, c], depends_on: [b]}
  - {name: d, command: $actor, args: [idle]}
strategies:
  - {name: s, strategy: $1, services: [a, b, c]${2:+, $2}}
EOF
}
incarnations() { status_of "$g" | jq -c '[.services[].incarnation]'; }
incarnations_are() { [ "$(incarnations)" = "$1" ] && all_ready "$g"; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
crash() { kill -SEGV "$(field "$g" "$1" pid)"; }

group_of one-for-one
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
crash b
until_true incarnations_are '[1,2,1,1]'
ok 0 "one-for-one: it alone"
stop

group_of rest-for-one
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
crash b
until_true incarnations_are '[1,2,2,1]'
ok 0 "rest-for-one: those after it"
crash a
until_true incarnations_are '[2,3,3,1]'
ok 0 "rest-for-one: the first takes all"
"$shmsup" kill "$g" c >/dev/null
until_true incarnations_are '[2,3,4,1]'
ok 0 "rest-for-one: the last takes none"
is "its events" "$("$shmsup" events -j "$g" | jq -c 'select(.event == "recalled") | [.service, .because]' | tr '\n' ' ')" \
	'["c","b"] ["b","a"] ["c","a"] '
stop
is "no failure remains" "$status" 0
# Those that are recalled together end in any order.
is "no new one met an old one, and dependencies hold" \
	"$(grep -E '^(up|down) [bc]' "$dir/$g.out" | head -n 8 | tr '\n' ' ' | sed 's/down c down b/down b down c/')" "up b up c down c up b up c down b down c up b "

group_of one-for-all
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
crash c
until_true incarnations_are '[2,2,2,1]'
ok 0 "one-for-all: all, and no other"
"$shmsup" restart "$g" a >/dev/null
is "a restart by command takes none along" "$(incarnations)" '[3,2,2,1]'
"$shmsup" stop "$g" c >/dev/null
crash a
again() { [ "$(incarnations)" = '[4,3,2,1]' ] && in_state "$g" a ready && in_state "$g" b ready; }
until_true again
is "what was stopped by command stays so" "$(field "$g" c state)" stopped
stop

group_of one-for-all 'max_restarts: 2'
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
crash a
until_true incarnations_are '[2,2,2,1]'
crash b
until_true incarnations_are '[3,3,3,1]'
crash c
given_up() { [ "$(status_of "$g" | jq -c '[.services[].state]')" = '["failed","failed","failed","ready"]' ]; }
until_true given_up
ok 0 "more than max_restarts: all members are given up, the rest runs on"
like "and that is said" "$(cat "$dir/$g.err")" "*strategy 's': more than 2 restarts within 10000 ms; all its services are given up*"
stop
is "that is a failure of the group" "$status" 6

cat >"$dir/bomb.yaml" <<EOF
group: bomb
services:
  - {name: well, command: $actor, args: [idle]}
  - {name: with, command: $actor, args: [idle]}
  - {name: spawn, command: "false", ready: spawn}
  - {name: notify, command: "false"}
strategies:
  - {name: s, strategy: rest-for-one, services: [spawn, with]}
EOF
start "$g" "$dir/bomb.yaml"
until_true in_state "$g" well ready
# Followed, not asked again and again: that would be processor time of the supervisor's.
timeout 60 "$shmsup" events -f -j "$g" >"$dir/follow" 2>"$dir/err" &
both() { [ "$(grep -c '"event":"failed"' "$dir/follow")" = 2 ]; }
until_true both
cpu=$(awk '{ print ($14 + $15 + $16 + $17) / '"$(getconf CLK_TCK)"' }' "/proc/$pid/stat")
echo "# the supervisor and what it started used $cpu s of processor time; given up after $(jq -s '(map(select(.event == "failed"))[-1].time - .[0].time) * 1000 | round' "$dir/follow") ms"
is "dies at its start, with and without readiness: given up within the intensity" \
	"$(field "$g" spawn incarnation),$(field "$g" notify incarnation)" 11,10
is "the rest runs on" "$(field "$g" well state)" ready
until_true in_state "$g" with stopped
ok 0 "what its strategy takes along is stopped"
stop
