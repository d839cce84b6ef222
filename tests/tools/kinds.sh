#!/bin/bash
# The kinds that are lists, and one channel with several consumers: what the tools tell of them.
. "$(dirname "$0")/tap.sh"
G=kinds-test-$$
actor=$(realpath "$BUILD/test/sup_actor")
cat >"$work/t.yaml" <<YAML
group: t
services:
  - {name: src, command: $actor, args: [idle]}
  - {name: worker, replicas: 2, command: $actor, args: [obey, tasks]}
  - {name: sink, command: $actor, args: [idle]}
channels:
  - {name: tasks, kind: mpmc2, capacity: 8, message_size: 16, producers: [src], consumers: [worker]}
  - {name: inbox, kind: mpsc-list, capacity: 8, message_size: 16, producers: [src, worker], consumers: [sink]}
YAML
sup_begin "$G" "$work/t.yaml"
tool -j chan list $G
check 'kinds and consumers' json '[.[] | [.name,.kind,.consumers]]' \
	'[["tasks","mpmc2",["worker-1","worker-2"]],["inbox","mpsc-list",["sink"]]]'
# Both workers hang with a message; the rest waits.
for i in 1 2 3 4; do "$shmtool" chan inject $G tasks --data hang --correlation $i >/dev/null; done
both() { [ "$("$shmtool" -j chan show $G tasks | jq -c '[.depth,.in_flight,.in_flight_by]')" = '[2,2,{"worker-1":1,"worker-2":1}]' ]; }
check 'depth, and what is in flight at whom' soon both
tool -j chan peek $G tasks
check 'peek: who has it' json '[([.[] | select(.state == "in-flight") | .taken_by] | sort), [.[] | select(.state == "queued") | .correlation]]' \
	'[["worker-1","worker-2"],[3,4]]'
tool -j why $G tasks --seconds 0.05
check 'why: a row for each consumer' json '[.[] | [.channel,.receiver]]' '[["tasks","worker-1"],["tasks","worker-2"]]'
check 'with the message in its hands' json '[.[].correlation] | sort' '[1,2]'
check 'and what it does' json '[.[] | .finding | test("completed nothing")] | unique' '[true]'
"$shmtool" -j chan tail $G inbox --count 3 >"$work/tailed" 2>/dev/null &
tail=$!
sent=0
while kill -0 $tail 2>/dev/null && [ $sent -lt 8 ]; do
	"$shmtool" chan inject $G inbox --data x --correlation 9 >/dev/null 2>&1 && sent=$((sent + 1))
done
wait $tail
check 'tail of a list' is "$(jq -c '[.correlation,.data]' "$work/tailed" | sort | uniq -c | tr -s ' ')" ' 3 [9,"78"]'
for i in $(seq $sent); do "$shmtool" chan inject $G tasks --data x >/dev/null 2>&1; done
tool graph $G
check 'graph' is "$(grep -cE '"tasks" -> "worker-[12]"' "$work/out")" 2
tool metrics $G
check 'metrics' grep -q "^shmchan_channel_depth_messages{group=\"$G\",channel=\"inbox\"} $sent" "$work/out"
"$shmsup" stop "$G" sink >/dev/null
tool -j chan drain $G inbox --drop
check 'drain' json '[.drained,.left]' "[$sent,0]"
tool chan drain $G tasks
check 'not beside two readers' refused 9 'its consumer worker-1 runs'
tool check $G
check 'check' is "$status" 0
sup_end
check 'the group ended well' is $? 0
plan
