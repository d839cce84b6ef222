#!/bin/bash
# Services that make no progress, alerts of channels that are too deep, and what status says of queues.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-h
# one MESSAGES KEYS: a sender and a service `it` that obeys.
one() {
	cat >"$dir/one.yaml" <<EOF
group: one
services:
  - {name: from, command: $actor, args: [send, orders, $1]}
  - {name: it, command: $actor, args: [obey, orders]${2:+, $2}}
channels:
  - {name: orders, kind: spsc, capacity: 16, message_size: 16, producers: [from], consumers: [it], alert_depth: 8}
EOF
}
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
incarnation_is() { [ "$(field "$g" it incarnation)" = "$1" ] && in_state "$g" it ready; }
drained() { [ "$(field "$g" it depth_in),$(field "$g" it in_flight)" = 0,0 ]; }

one 'fine, hang, fine' 'heartbeat_ms: 200'
start "$g" "$dir/one.yaml"
until_true incarnation_is 2
is "hung on a message: killed, as a death of its own" "$(field "$g" it last)" "hung and was killed by SIGKILL"
is "its event" "$(events 'select(.event == "hang") | [.service, .incarnation, .stopped, .channel, .in_flight, .limit_ms, .unchanged_ms >= 200]')" \
	'["it",1,false,"orders",1,200,true]'
is "the message is a dead letter" "$(events 'select(.event == "recovery") | .dead_letters')" 1
until_true drained
is "the replacement does the rest" "$(field "$g" it incarnation)" 2
stop

one 'work, work, fine' 'heartbeat_ms: 100'
start "$g" "$dir/one.yaml"
taken() { [ "$(field "$g" it depth_in)" -lt 2 ]; }
until_true all_ready "$g"
until_true drained
is "works longer than the limit, and beats: left alone" "$(field "$g" it incarnation)" 1
"$shmsup" signal "$g" it STOP >/dev/null
until_true incarnation_is 2
is "stopped, without work: killed after the limit" "$(events 'select(.event == "hang") | [.stopped, .channel]')" '[true,null]'
stop

one 'hang' ''
start "$g" "$dir/one.yaml"
in_flight() { [ "$(field "$g" it in_flight)" = 1 ]; }
until_true in_flight
"$shmsup" signal "$g" it STOP >/dev/null
one 'hang' 'heartbeat_ms: 50' # of another group, whose looks the time is measured by
start "$g-2" "$dir/one.yaml"
hung_twice() { [ "$("$shmsup" events -j "$g-2" | jq -c 'select(.event == "hang")' | wc -l)" -ge 1 ]; }
until_true hung_twice
is "without a limit nothing is taken for hung" "$(field "$g" it incarnation)" 1
"$shmsup" stop "$g-2" >/dev/null
stop

# Of sd_notify's protocol alone, as existing services are.
cat >"$dir/one.yaml" <<EOF
group: one
services:
  - {name: it, command: $actor, args: [watched, "$dir/silent"], heartbeat_ms: 1000}
  - {name: mute, command: $actor, args: [idle], heartbeat_ms: 3000}
  - {name: enabled, command: python3, args: ["$dir/enabled.py"], heartbeat_ms: 5000, ready: spawn}
EOF
cat >"$dir/enabled.py" <<EOF
import ctypes, signal
try:
    lib, usec = ctypes.CDLL("libsystemd.so.0"), ctypes.c_uint64()
    said = f"{lib.sd_watchdog_enabled(0, ctypes.byref(usec))} {usec.value} {lib.sd_notify(0, b'WATCHDOG=1')}"
except OSError:
    said = "none"
open("$dir/enabled.part", "w").write(said)
__import__("os").rename("$dir/enabled.part", "$dir/enabled")
signal.pause()
EOF
start "$g" "$dir/one.yaml"
until_true in_state "$g" it ready
until_true test -e "$dir/enabled"
if [ "$(cat "$dir/enabled")" = none ]; then
	ok 0 "sd_watchdog_enabled # SKIP no libsystemd"
else
	is "sd_watchdog_enabled of libsystemd says yes, how often, and sd_notify is heard" "$(cat "$dir/enabled")" "1 5000000 1"
fi
hung_once() { [ "$(events 'select(.event == "hang" and .service == "it")' | wc -l)" -ge 1 ]; }
# Three of its limits long, as the machine goes: until one of a longer limit, which is stopped, is killed.
"$shmsup" signal "$g" mute STOP >/dev/null
mute_twice() { [ "$(field "$g" mute incarnation)" = 2 ]; }
until_true mute_twice
is "a service that says WATCHDOG=1 is left alone" "$(field "$g" it incarnation)" 1
touch "$dir/silent"
until_true hung_once
rm "$dir/silent"
is "one that says it no more is killed, without any channel" "$(field "$g" it last)" "hung and was killed by SIGKILL"
until_true incarnation_is 2
is "who never said it may be silent" "$(field "$g" mute incarnation)" 2
stop

one 'h, f, f, f, f, f, f, f, f, f' ''
start "$g" "$dir/one.yaml"
alerts() { [ "$(events 'select(.event == "alert")' | wc -l)" = "$1" ]; }
until_true alerts 1
is "a deep channel: told once" "$(events 'select(.event == "alert") | [.channel, .depth, .limit, .state]')" '["orders",9,8,"begin"]'
is "status has the depths" "$(status_of "$g" | jq -c '[.services[] | [.depth_in, .in_flight, .depth_out]] + .alerts')" \
	'[[0,0,9],[9,1,0],{"channel":"orders","depth":9,"limit":8}]'
like "the table too" "$("$shmsup" status "$g")" "*restarts     in    out  last exit*alert: channel orders holds 9 messages, its alert depth is 8"
kill -9 "$(field "$g" it pid)"
until_true alerts 2
is "and when it is over" "$(events 'select(.event == "alert") | .state' | tr '\n' ' ')" '"begin" "end" '
is "then status has none" "$(status_of "$g" | jq -c .alerts)" '[]'
stop
is "nothing left" "$(left "$g")$(left "$g-2")" ""
