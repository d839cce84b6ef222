#!/bin/bash
# A process that was stopped inside a lock of a channel: whoever dies beside it waits to be repaired, and nobody else does.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
stop_in_lock=$BUILD/test/sup_stop_in_lock
shmtool=$BUILD/bin/shmtool
g=$base-r
cat >"$dir/t.yaml" <<END
group: t
services:
  - {name: pump-a, command: $actor, args: [pump, work], stop_timeout_ms: 1000}
  - {name: pump-b, command: $actor, args: [pump, work], stop_timeout_ms: 1000}
  - {name: take-a, command: $actor, args: [obey, work], depends_on: [pump-a], stop_timeout_ms: 1000}
  - {name: take-b, command: $actor, args: [obey, work], stop_timeout_ms: 1000}
  - {name: other, command: $actor, args: [idle]}
channels:
  - {name: work, kind: mpmc2, capacity: 16, message_size: 16, producers: [pump-a, pump-b], consumers: [take-a, take-b]}
END
sed 's/\[pump, work\]/&, heartbeat_ms: 700/; s/\[obey, work\]/&, heartbeat_ms: 700/' "$dir/t.yaml" >"$dir/limits.yaml"
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
adopted() { [ "$(status_of "$g" | jq .adoptions)" = "$1" ]; }
waits() { in_state "$g" "$1" repairing && [ "$(field "$g" "$1" waits_for.holder)" = "$2" ]; }
is_again() { in_state "$g" "$1" ready && [ "$(field "$g" "$1" incarnation)" = "$2" ]; }
# caught HOLDER END: stopped in the lock of that end.
caught() {
	holder=$(field "$g" "$1" pid)
	"$stop_in_lock" "$g" work "$2" "$holder" || return
	until_true is_stopped "$holder"
}
is_stopped() { [ "$(awk '$1 == "State:" {print $2}' "/proc/$1/status")" = T ]; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
begin() {
	start "$g" "$1"
	until_true all_ready "$g"
}

# holder, end of the channel, who dies beside it
for what in "pump-a tail pump-b" "take-a head take-b" "pump-a tail take-a"; do
	read -r has end dies <<<"$what"
	begin "$dir/t.yaml"
	caught "$has" "$end"
	is "$what: it is stopped inside the lock" $? 0
	if [ "$dies" = take-a ]; then # a consumer needs the other lock, and is repaired at once
		kill -9 "$(field "$g" "$dies" pid)"
		until_true is_again "$dies" 2
		ok 0 "$what: who does not need it does not wait"
		stop
		is "$what: stop: exit status" "$status" 0
		continue
	fi
	kill -9 "$(field "$g" "$dies" pid)"
	until_true waits "$dies" "$has"
	is "$what: status says for whom" "$(field "$g" "$dies" waits_for | jq -c "[.channel, .holder, .pid == $holder]")" "[\"work\",\"$has\",true]"
	like "$what: the table too" "$("$shmsup" status "$g")" "*$dies*repairing*its repair waits for $has (pid $holder), which holds a lock of channel work*"
	is "$what: the event" "$(events 'select(.event == "waits") | [.service, .incarnation, .channel, .holder]')" "[\"$dies\",1,\"work\",\"$has\"]"
	for n in 2 3 4; do
		kill -9 "$(field "$g" other pid)"
		until_true is_again other $n
	done
	ok 0 "$what: others die and are replaced meanwhile"
	is "$what: it waits on" "$(field "$g" "$dies" state),$(field "$g" "$dies" incarnation)" "repairing,1"
	"$shmsup" kill "$g" "$dies" >/dev/null 2>"$dir/err"
	is "$what: there is nothing to kill" "$?,$(cat "$dir/err")" "12,shmsup: service '$dies' is repairing: it has no process"
	kill -CONT "$holder"
	until_true is_again "$dies" 2
	is "$what: the holder goes on: repaired and replaced, and the holder is as it was" "$(field "$g" "$has" incarnation),$(events 'select(.event == "death" and .service != "other")' | wc -l)" "1,1"
	until_true all_ready "$g"
	stop
	is "$what: exit status" "$status" 0
done

begin "$dir/limits.yaml"
caught pump-a tail
is "with limits: it is stopped inside the lock" $? 0
kill -9 "$(field "$g" pump-b pid)"
until_true is_again pump-b 2
until_true is_again pump-a 2
is "the holder has been stopped for longer than its limit: both are replaced" "$(events 'select(.event == "hang") | [.service, .stopped]' | head -n 1)" '["pump-a",true]'
is "the channel is whole" "$("$shmtool" check "$g" | head -n 1)" "$g: clean (channels: 1, pools: 0)"
stop
is "with limits: exit status" "$status" 0

# Two wait for one, and the supervisor dies meanwhile.
sed '/name: pump-b/p; s/pump-b,/pump-c,/; s/producers: \[pump-a, pump-b\]/producers: [pump-a, pump-b, pump-c]/' "$dir/t.yaml" >"$dir/three.yaml"
begin "$dir/three.yaml"
caught pump-a tail
kill -9 "$(field "$g" pump-b pid)"
until_true waits pump-b pump-a
other=$(field "$g" pump-c pid)
kill -9 "$pid"
ended "$pid"
kill -9 "$other"
start "$g" "$dir/three.yaml" --adopt
until_true adopted 1
until_true waits pump-b pump-a
until_true waits pump-c pump-a
"$shmsup" upgrade "$g" >/dev/null
until_true waits pump-b pump-a
until_true waits pump-c pump-a
is "two wait, an adopter and another program wait on; nothing is counted twice" "$(status_of "$g" | jq -c '[.services[].respawns]')" "[0,0,0,0,0,0]"
kill -CONT "$holder"
until_true is_again pump-b 2
until_true is_again pump-c 2
is "both are replaced, once" "$(status_of "$g" | jq -c '[.services[] | [.respawns, .incarnation]]')" "[[0,1],[1,2],[1,2],[0,1],[0,1],[0,1]]"
is "the channel is whole" "$("$shmtool" check "$g" | head -n 1)" "$g: clean (channels: 1, pools: 0)"
caught pump-a tail
kill -9 "$(field "$g" pump-b pid)"
until_true waits pump-b pump-a
stop
is "a group that is stopped while one waits: exit status" "$status" 0
is "nothing left" "$(left "$g")" ""
