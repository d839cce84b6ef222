#!/bin/bash
# 200 services in one group, and two such groups at once. How long that takes is printed, and measured by nobody's clock.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-m
cat >"$dir/many.yaml" <<EOF
group: many
services:
  - {name: first, command: $actor, args: [idle]}
  - {name: many, replicas: 199, command: $actor, args: [idle], depends_on: [first]}
channels:
  - {name: line, each: many, kind: spsc, capacity: 4, message_size: 8, producers: [first], consumers: ["many-\${replica}"]}
EOF
now() { date +%s.%N; }
# Asked for once: the reply comes when all are ready.
all_up() { "$shmsup" start "$1" >/dev/null 2>&1; }

begin=$(now)
start "$g" "$dir/many.yaml"
one=$pid
until_true all_up "$g"
echo "# 200 services were ready after $(jq -n "$(now) - $begin | . * 1000 | round") ms"
is "200 services in one group are ready" "$(status_of "$g" | jq -c '[.services[].state] | [length, unique]')" '[200,["ready"]]'
begin=$(now)
start "$g-2" "$dir/many.yaml"
two=$pid
until_true all_up "$g-2"
echo "# 200 more in a second group after $(jq -n "$(now) - $begin | . * 1000 | round") ms"
is "two groups at once" "$(status_of "$g-2" | jq -c '[.services[].state] | [length, unique]')$(all_ready "$g" && echo ready)" '[200,["ready"]]ready'
is "each with segments of its own" "$(find /dev/shm -name "shmchan.$g" -o -name "shmchan.$g.*" | wc -l),$(find /dev/shm -name "shmchan.$g-2" -o -name "shmchan.$g-2.*" | wc -l)" "201,201"
old=$(field "$g-2" many-77 pid)
kill -9 "$old"
until_true is_replaced "$g-2" many-77 "$old"
is "a death in one is none of the other's" "$(status_of "$g" | jq '[.services[].respawns] | add')" 0
"$shmsup" stop "$g" >/dev/null
is "one stops, the other runs on" "$(all_ready "$g-2" && echo ready)" ready
"$shmsup" stop "$g-2" >/dev/null
is "nothing is left" "$(left "$g")$(left "$g-2")" ""
ended "$one"
ended "$two"
