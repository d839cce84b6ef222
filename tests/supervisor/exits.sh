#!/bin/bash
# Every exit status that `shmsup help` lists, from a run that ends so.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# service KEYS: a group of one.
service() { printf 'group: g\nservices:\n  - {name: a, command: %s}\n' "$1"; }
# runs STATUS NAME TOPOLOGY ARG...
runs() {
	local wanted=$1 name=$2 topology=$3 status
	shift 3
	printf '%s\n' "$topology" >"$dir/t.yaml"
	"$shmsup" run "$dir/t.yaml" --name "$base-exit" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
	is "$wanted: $name" "$status" "$wanted"
	[ "$wanted" = 0 ] || like "$wanted: it says so" "$(tail -n 1 "$dir/err")" "shmsup: ?*"
}
quick="\"true\", ready: spawn, restart: never"
runs 0 "all services ended" "$(service "$quick")"
runs 1 "segments larger than memory" "$(service "$quick")
pools: [{name: p, block_size: 1099511627776, block_count: 4096, users: [a]}]"
runs 2 "no such variable" "$(service "$quick")" --set x=1
runs 3 "not a topology" "group: [g]"
runs 5 "no such program" "$(service "no-such-program")"
runs 6 "a service that can't start" "$(service "$actor, args: [exit, \"2\"]")"
runs 7 "a job whose service fails" "$(service "$actor, args: [exit, \"2\"], restart: on-failure")
job: {complete: a}"
runs 8 "sent and never counted" "group: g
services:
  - {name: a, command: $actor, args: [feed, \"3\", \"1\"], restart: on-failure}
  - {name: b, command: $actor, args: [idle]}
channels:
  - {name: requests-1, kind: spsc, message_size: 8, producers: [a], consumers: [b]}
  - {name: answers, kind: spsc, message_size: 8, producers: [a], consumers: [b], tally: [answered]}
job: {complete: a, report: {sent: requests-1.enqueued, answered: answers.answered}, balance: [sent, answered]}"

service "$actor, args: [idle], restart: on-failure" >"$dir/idle.yaml"
echo "job: {complete: a}" >>"$dir/idle.yaml"
g=$base-exit
start "$g" "$dir/idle.yaml"
until_true all_ready "$g"
"$shmsup" run "$dir/idle.yaml" --name "$g" >/dev/null 2>&1
is "4: a group of that name runs" $? 4
"$shmsup" kill "$g" none >/dev/null 2>&1
is "12: kill of no service" $? 12
kill -INT "$pid"
ended "$pid"
is "9: SIGINT" "$status" 9
start "$g" "$dir/idle.yaml"
until_true all_ready "$g"
"$shmsup" stop "$g" >/dev/null
ended "$pid"
is "10: stopped before its job was complete" "$status" 10
"$shmsup" status "$g" >/dev/null 2>&1
is "11: no such group" $? 11
start "$g" "$dir/idle.yaml"
until_true all_ready "$g"
kill -9 "$pid"
ended "$pid"
"$shmsup" status "$g" >/dev/null 2>&1
is "13: its supervisor is dead" $? 13
{
	cat "$dir/idle.yaml"
	echo "pools: [{name: p, block_size: 64, block_count: 1, users: [a]}]"
} >"$dir/other.yaml"
"$shmsup" run "$dir/other.yaml" --name "$g" --adopt >/dev/null 2>&1
is "15: the group that would be adopted is of another topology" $? 15
mkdir "$dir/reports"
service "$actor, args: [idle], restart: on-failure" >"$dir/plain.yaml"
start "$g" "$dir/plain.yaml" --report "$dir/reports/r.json"
until_true all_ready "$g"
rmdir "$dir/reports"
"$shmsup" stop "$g" >/dev/null
ended "$pid"
is "14: the report can't be written" "$status" 14
is "every status of the list was seen" "$(seq 0 15 | xargs)" "$("$shmsup" help | awk '/^exit statuses/ {on = 1; next} on {print $1}' | xargs)"
is "nothing left" "$(left "$g")" ""
