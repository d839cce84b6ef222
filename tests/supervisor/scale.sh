#!/bin/bash
# More and fewer replicas of a service while the group runs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-x
cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: worker, replicas: 1, max_replicas: 4, command: $actor, args: [obey, "orders-\${replica}"]}
  - {name: from, command: $actor, args: [send, orders-3, work, work, work, fine], depends_on: [worker]}
channels:
  - {name: orders, each: worker, kind: spsc, capacity: 8, message_size: 16, producers: [from], consumers: ["worker-\${replica}"]}
EOF
states() { status_of "$g" | jq -c '[.services[].state]'; }
scale() { "$shmsup" scale "$g" "$@"; }

start "$g" "$dir/t.yaml"
until_true in_state "$g" from ready
is "slots above replicas are reserved, and nobody waits for them" "$(states)" '["ready","stopped","stopped","stopped","ready"]'
is "their channels are there" "$(find /dev/shm -name "shmchan.$g.orders-*" | wc -l)" 4
"$shmsup" start "$g" >/dev/null
is "start of all leaves them alone" "$?,$(states)" '0,["ready","stopped","stopped","stopped","ready"]'
queued() { [ "$(field "$g" worker-3 depth_in)" = 4 ]; }
until_true queued
out=$(scale worker=4)
is "scaled up: returns when they are ready" "$?,$out,$(states)" "0,$g: worker has 4 replicas,"'["ready","ready","ready","ready","ready"]'
out=$(scale worker=2)
is "scaled down: returns when they are gone" "$?,$out,$(states)" "0,$g: worker has 2 replicas,"'["ready","ready","stopped","stopped","ready"]'
is "and have done what was queued for them" "$(field "$g" worker-3 depth_in),$(field "$g" worker-3 in_flight),$(field "$g" worker-3 respawns)" "0,0,0"
is "those that stay were left alone" "$(field "$g" worker-1 incarnation),$(field "$g" worker-2 incarnation)" "1,1"
scale worker=3 >/dev/null
is "up again: the next incarnation" "$?,$(field "$g" worker-3 incarnation)" "0,2"
old=$(field "$g" worker-3 pid)
kill -9 "$old"
until_true is_replaced "$g" worker-3 "$old"
ok 0 "a replica that was added is replaced when it dies"
is "its events" "$("$shmsup" events -j "$g" | jq -c 'select(.event == "scale") | [.service, .from, .to]' | tr '\n' ' ')" \
	'["worker",1,4] ["worker",4,2] ["worker",2,3] '

out=$(scale worker=5 2>&1)
is "more than there are slots for" "$?,$out" "12,shmsup: service 'worker' can have 1 to 4 replicas, not 5 (max_replicas in the topology)"
out=$(scale from=2 2>&1)
is "of a service without replicas" "$?,$out" "12,shmsup: group '$g' has no service 'from' with replicas"
for bad in worker worker= worker=0 worker=x =3 worker=2x; do
	scale "$bad" >/dev/null 2>&1
	is "scale $bad: wrong usage" $? 2
done
"$shmsup" stop "$g" >/dev/null
ended "$pid"
is "nothing is left" "$status,$(left "$g")" "0,"

sed 's/replicas: 1, max/max/' "$dir/t.yaml" >"$dir/bad.yaml"
like "max_replicas without replicas" "$("$shmsup" check "$dir/bad.yaml" 2>&1)" "*:3:*'max_replicas' is given, but service 'worker' has no 'replicas'*"
