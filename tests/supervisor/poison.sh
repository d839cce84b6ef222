#!/bin/bash
# Messages that kill incarnation after incarnation are parked and named.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-p
# one MESSAGES KEYS-OF-THE-CHANNEL
one() {
	cat >"$dir/one.yaml" <<EOF
group: one
services:
  - {name: from, command: $actor, args: [send, orders, $1]}
  - {name: it, command: $actor, args: [obey, orders]}
channels:
  - {name: orders, kind: mpsc, capacity: 16, message_size: 16, producers: [from], consumers: [it], $2}
EOF
	start "$g" "$dir/one.yaml"
}
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
parked() { [ "$(status_of "$g" | jq '.parked | length')" = "$1" ]; }
drained() { [ "$(field "$g" it depth_in),$(field "$g" it in_flight)" = 0,0 ] && in_state "$g" it ready; }
what='[.channel, .pos, .type, .corr, .letter, .service, .incarnations]'
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}

one 'fine, crash, fine' 'on_crash: redeliver, max_deliveries: 3'
until_true parked 1
until_true drained
is "redelivered: parked after max_deliveries" "$(field "$g" it incarnation)" 4
is "redelivered: named in status" "$(status_of "$g" | jq -c ".parked[] | $what")" '["orders",1,5,77,1,"it",[1,2,3]]'
is "redelivered: named in the events, after the last death" \
	"$(events 'select(.event == "parked" or .event == "death") | [.event, .incarnation // .incarnations]' | tr '\n' ' ')" \
	'["death",1] ["death",2] ["death",3] ["parked",[1,2,3]] '
like "redelivered: in words" "$(cat "$dir/$g.err")" \
	"*message 1 of channel 'orders' (type 5, correlation 77) killed 3 incarnations of 'it'; it is parked as dead letter 1*"
like "redelivered: in the table" "$("$shmsup" status "$g")" "*parked: message 1 of channel orders, type 5, correlation 77: 3 incarnations of it died with it*"
stop

one 'crash, fine, crash, crash, crash, crash, crash, fine' 'on_crash: dead-letter'
until_true parked 4
until_true drained
is "asked again: its third death in a row is the proof, and its like are parked with it" \
	"$(status_of "$g" | jq -c "[.parked[] | [.pos, .incarnations]]")" '[[3,[1,2,3]],[4,[1,2,3]],[5,[1,2,3]],[6,[1,2,3]]]'
is "asked again: no more deaths than that, and the other messages are done" "$(field "$g" it incarnation)" 4
"$shmsup" signal "$g" it KILL >/dev/null
until_true drained
stop

one 'hold, hold, hold, hold' 'on_crash: dead-letter'
in_flight() { [ "$(field "$g" it in_flight)" = 1 ]; }
for _ in 1 2 3 4; do
	until_true in_flight
	old=$(field "$g" it pid)
	kill -9 "$old"
	until_true is_replaced "$g" it "$old"
done
is "killed from outside with messages that look alike: nothing is parked" "$(status_of "$g" | jq -c .parked)" '[]'
stop
is "nothing left" "$(left "$g")" ""

# A job names them in its report.
cat >"$dir/job.yaml" <<EOF
group: job
services:
  - {name: from, command: $actor, args: [send, orders, crash]}
  - {name: it, command: $actor, args: [obey, orders]}
  - {name: end, command: sleep, args: ["1000"], ready: spawn, restart: on-failure}
channels:
  - {name: orders, kind: spsc, message_size: 16, producers: [from], consumers: [it], on_crash: redeliver, max_deliveries: 2}
job: {complete: end}
EOF
start "$g" "$dir/job.yaml" --report "$dir/r.json"
until_true parked 1
stop
is "the report names it" "$(jq -c ".parked[] | $what" "$dir/r.json")" '["orders",0,5,77,1,"it",[1,2]]'
