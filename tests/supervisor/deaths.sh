#!/bin/bash
# Deaths of all kinds, and what the supervisor makes of them.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-d
# With the address sanitizer: freed memory is not kept back, so that growth is a leak.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0

# one ARGS-OF-ACTOR KEYS: a group of one service `it` beside one that is well.
one() {
	cat >"$dir/one.yaml" <<EOF
group: one
services:
  - {name: well, command: $actor, args: [idle]}
  - {name: it, command: $actor, args: [$1]${2:+, $2}}
EOF
}
failed() { in_state "$g" it failed; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}

one '"idle"'
start "$g" "$dir/one.yaml"
until_true all_ready "$g"
kill_once() {
	old=$(field "$g" it pid)
	kill -9 "$old"
	until_true is_replaced "$g" it "$old"
}
rss() { awk '/^VmRSS/ { print $2 }' "/proc/$pid/status"; }
fds() { find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l; }
# the first deaths fault pages in and grow the buffers of stdio
for _ in 1 2 3 4 5; do kill_once; done
until_true all_ready "$g"
rss=$(rss) fds=$(fds)
for _ in $(seq 50); do kill_once; done
until_true all_ready "$g"
is "killed 55 times: incarnation" "$(field "$g" it incarnation),$(field "$g" it respawns)" "56,55"
is "killed 55 times: descriptors of the supervisor" "$(fds)" "$fds"
is "killed 55 times: memory of the supervisor grew by less than 128 KiB" "$(($(rss) - rss < 128))" 1
is "killed 55 times: no zombies" "$(pgrep --parent "$pid" --runstates Z | wc -l)" 0
kill "$pid"
ended "$pid"
is "SIGTERM: exit status" "$status" 9
is "SIGTERM: nothing left" "$(left "$g")" ""

one '"exit", "1"'
start "$g" "$dir/one.yaml"
until_true failed
is "dies at every start: given up after 10" "$(field "$g" it incarnation)" 10
is "dies at every start: the other runs on" "$(field "$g" well state)" ready
is "dies at every start: one line says so" "$(grep -c "service 'it' failed: it ended with exit status 1; it is not started again" "$dir/$g.err")" 1
"$shmsup" restart "$g" it >"$dir/out" 2>&1
is "restart of a failed service that fails again: exit status" $? 12
like "restart of a failed service that fails again: message" "$(cat "$dir/out")" "*service 'it' did not become ready: it is failed"
stop
is "a service failed: exit status" "$status" 6

one '"late", "5"'
start "$g" "$dir/one.yaml"
until_true all_ready "$g"
is "dies at its first 4 starts, then not: backs off, and is ready" "$(field "$g" it incarnation)" 5
like "the back-off is told" "$(cat "$dir/$g.err")" "*to be started again in * ms*"
stop
is "and no failure remains" "$status" 0

one '"exit", "3"'
start "$g" "$dir/one.yaml"
until_true failed
is "an exit status that says it can't work: given up at once" "$(field "$g" it incarnation)" 1
stop
one '"exit", "3"' 'fatal_exits: [7]'
start "$g" "$dir/one.yaml"
until_true failed
is "the topology chooses which statuses those are" "$(field "$g" it incarnation)" 10
stop
one '"ready-exit", "1"' 'max_deaths: 20'
start "$g" "$dir/one.yaml"
until_true failed
is "dies when ready, more than max_deaths times in the window" "$(field "$g" it incarnation)" 21
stop
one '"raise", "6"' 'restart: never'
start "$g" "$dir/one.yaml"
until_true failed
like "restart: never: failed by a signal" "$(field "$g" it last)" "was killed by SIGABRT*"
stop
one '"ready-exit", "0"' 'restart: on-failure'
start "$g" "$dir/one.yaml"
until_true in_state "$g" it "done"
is "restart: on-failure: exit status 0 is the end" "$(field "$g" it incarnation)" 1
stop
is "and no failure" "$status" 0

one '"mute"' 'ready_timeout_ms: 50'
start "$g" "$dir/one.yaml"
until_true failed
like "never ready: killed, and in the end given up" "$(cat "$dir/$g.err")" "*service 'it' (pid *) was not ready within 50 ms; it is killed*service 'it' failed*"
stop

one '"stubborn"' 'stop_timeout_ms: 50'
start "$g" "$dir/one.yaml"
until_true all_ready "$g"
old=$(field "$g" it pid)
"$shmsup" restart "$g" it >/dev/null
is "ignores SIGTERM: killed after the stop timeout, restarted" "$?,$(gone "$old" && echo gone)" "0,gone"
old=$(field "$g" it pid)
stop
is "ignores SIGTERM: killed at the stop" "$status,$(gone "$old" && echo gone)" "0,gone"
like "and that is told" "$(cat "$dir/$g.err")" "*service 'it' (pid $old) did not end within 50 ms of SIGTERM; it is killed"

one '"stubborn"' 'stop_timeout_ms: 1000'
"$BUILD/test/sup_at_syscall" 5000 "$shmsup" run "$dir/one.yaml" --name "$g" >"$dir/$g.out" 2>"$dir/$g.err" &
pid=$!
to_end "$pid"
until_true all_ready "$g"
stop
is "ignores SIGTERM: the supervisor sleeps until the timeout, and makes fewer than 2,500 system calls in its life" "$status" 0

one "\"parent\", \"$dir/child\""
start "$g" "$dir/one.yaml"
until_true all_ready "$g"
child=$(cat "$dir/child")
"$shmsup" kill "$g" it >/dev/null
until_true gone "$child"
ok 0 "the children of a killed service go with it"
until_true all_ready "$g"
child=$(cat "$dir/child")
stop
is "and at the stop" "$(gone "$child" && echo gone)" gone
is "nothing left" "$(left "$g")" ""

cat >"$dir/order.yaml" <<EOF
group: order
services:
  - {name: c, command: $actor, args: [order, c], depends_on: [b]}
  - {name: b, command: $actor, args: [order, b], depends_on: [a]}
  - {name: a, command: $actor, args: [order, a]}
EOF
start "$g" "$dir/order.yaml"
until_true all_ready "$g"
stop
is "started in the order of dependencies, stopped in the reverse" "$(grep -E '^(up|down)' "$dir/$g.out" | tr '\n' ' ')" \
	"up a up b up c down c down b down a "
