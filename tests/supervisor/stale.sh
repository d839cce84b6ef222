#!/bin/bash
# A group that is running is left alone; what a killed supervisor left is ended and removed.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-s
cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [stubborn], stop_timeout_ms: 100}
channels:
  - {name: line, kind: spsc, message_size: 8, producers: [a], consumers: [b]}
pools:
  - {name: blocks, block_size: 4096, block_count: 4, users: [a, b]}
EOF

start "$g" "$dir/t.yaml"
first=$pid
until_true all_ready "$g"
out=$("$shmsup" run "$dir/t.yaml" --name "$g" 2>&1)
is "already running: exit status" $? 4
is "already running: one line with its pid" "$out" \
	"shmsup: can't run group '$g': it is running, its supervisor has pid $first; nothing was started"
is "already running: it runs on" "$(all_ready "$g" && echo yes)" yes
is "already running: its sockets, its lock and its state are there" "$(find "$rundir" -name "$g.*" | wc -l)" 4
start "$g-2" "$dir/t.yaml"
until_true all_ready "$g-2"
is "two groups of one topology at once" "$(all_ready "$g" && echo yes)" yes
"$shmsup" stop "$g-2" >/dev/null
pid=$first
is "one stops, the other runs on" "$(all_ready "$g" && echo yes)" yes

for round in 1 2 3 4 5 6; do
	for _ in 1 2 3 4 5; do start "$g-race" tests/supervisor/echo.yaml --set actor="$actor" --set requests=4000000000; done
	is_up() { in_state "$g-race" feed ready; }
	until_true is_up
	"$shmsup" stop "$g-race" >/dev/null
	codes=
	for p in "${pids[@]: -5}"; do
		ended "$p"
		codes+="$status "
	done
	codes=$(tr ' ' '\n' <<<"$codes" | sort -n | tr -d '\n')
	is "race $round: of five that start one group at once, one runs" "$codes" 444410
	is "race $round: nothing left" "$(left "$g-race")" ""
done
pid=$first

# killed: the supervisor, and what runs on is in $a and $b.
killed() {
	a=$(field "$g" a pid) b=$(field "$g" b pid)
	to_end "$a" "$b" # should this script end early
	kill -9 "$pid"
	ended "$pid"
}
for round in 1 2; do
	killed
	is "round $round: the services run on" "$(gone "$a" || gone "$b" || echo yes)" yes
	"$shmsup" status "$g" >"$dir/out" 2>&1
	is "round $round: status of a dead supervisor: exit status" $? 13
	like "round $round: status of a dead supervisor: message" "$(cat "$dir/out")" "shmsup: the supervisor of group '$g' is dead*"
	like "round $round: segments are left" "$(left "$g")" "*/dev/shm/shmchan.$g *"
	start "$g" "$dir/t.yaml"
	until_true all_ready "$g"
	like "round $round: said in one line" "$(cat "$dir/$g.err")" \
		"shmsup: $g: a killed supervisor had left * segments and 2 processes; they are removed"
	is "round $round: the services have ended" "$(gone "$a" && gone "$b" && echo yes)" yes
done
killed
out=$("$shmsup" stop "$g")
is "stop of a group without a supervisor: exit status" $? 0
like "stop of a group without a supervisor: message" "$out" "$g: stopped; its supervisor was dead: 2 processes ended, * segments removed"
is "stop of a group without a supervisor: they have ended, and nothing is left" "$(gone "$a" && gone "$b" && left "$g")" ""
"$shmsup" stop "$g" >"$dir/out" 2>&1
is "and once more: there is no such group" $? 11
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
kill "$pid"
ended "$pid"
is "SIGTERM: exit status" "$status" 9
is "nothing left" "$(left "$g")" ""

# A start that fails half way: the second pool does not fit anywhere.
sed 's/block_count: 4,/block_count: 100000,/; s/4096/1073741824/' "$dir/t.yaml" >"$dir/huge.yaml"
out=$("$shmsup" run "$dir/huge.yaml" --name "$g" 2>&1)
is "a group that does not fit into memory: exit status" $? 1
like "a group that does not fit into memory: message" "$out" "shmsup: can't create group '$g': *; nothing was started"
is "a group that does not fit into memory: nothing left" "$(left "$g")" ""

# At any moment of a start: before the handlers are there SIGTERM ends it (143), then it stops in order (9).
is_shmsup() { [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$shmsup")" ]; }
for i in $(seq 0 24); do
	start "$g" "$dir/t.yaml"
	until_true is_shmsup # and no longer the shell's child, which may swallow the signal
	sleep "$(printf '0.%03d' "$i")"
	kill "$pid"
	ended "$pid"
	case "$status$(left "$g")" in 9 | 143) ;; *) ok 1 "SIGTERM $i ms after the start: exit status $status, left: $(left "$g")" ;; esac
done
ok 0 "SIGTERM at any moment of the start leaves nothing"
