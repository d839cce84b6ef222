#!/bin/bash
# What a supervisor counts goes on in the one that takes the group over: events, intensities, poison, hangs, alerts.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-c
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
killed() { kill -9 "$pid" && ended "$pid"; }
adopted() { [ "$(status_of "$g" | jq .adoptions)" = "$1" ]; }
adoptions=0
# again TOPOLOGY: the supervisor is killed, another adopts.
again() {
	killed
	start "$g" "$1" --adopt
	adoptions=$((adoptions + 1))
	until_true adopted $adoptions
}
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
	adoptions=0
}
# dies SERVICE SIGNAL: by a signal from outside, and is ready again or given up.
dies() {
	local old
	old=$(field "$g" "$1" pid)
	kill "-$2" "$old"
	until_true is_over "$1" "$old"
}
is_over() { in_state "$g" "$1" failed || { is_replaced "$g" "$1" "$2" && in_state "$g" "$1" ready; }; }

# --------------------------------------------------------------------------------------- events
cat >"$dir/t.yaml" <<END
group: t
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [idle], depends_on: [a]}
END
# follow FILE AFTER: a client that follows, from a number on.
follow() {
	"$shmsup" events -f -j --after "$2" "$g" >"$1" 2>>"$dir/follow.err" &
	follower=$!
}
heard() { grep -q "$1" "$2"; }
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
: >"$dir/seen"
after=0
for round in 1 2 3; do
	follow "$dir/follow" "$after"
	dies a SEGV
	dies b KILL
	until_true heard "\"event\":\"ready\",\"service\":\"b\",.*\"incarnation\":$((round + 1))" "$dir/follow"
	killed
	wait "$follower"
	cat "$dir/follow" >>"$dir/seen"
	after=$(tail -n 1 "$dir/follow" | jq .seq)
	start "$g" "$dir/t.yaml" --adopt
	until_true adopted $round
done
follow "$dir/follow" "$after"
until_true heard '"state":"adopted"' "$dir/follow"
"$shmsup" stop "$g" >/dev/null
ended "$pid"
wait "$follower"
is "a client that reconnects: every number once, from the first to the last" "$(cat "$dir/seen" "$dir/follow" | jq .seq | awk '$1 != NR' | wc -l)" 0
is "what it saw: each adoption, each death" \
	"$(cat "$dir/seen" "$dir/follow" | jq -r 'select(.event == "death" and (.asked | not) or .state == "adopted") | .event' | uniq -c | awk '{print $1 $2}' | tr '\n' ' ')" \
	"2death 1group 2death 1group 2death 1group "
is "and the end" "$(tail -n 1 "$dir/follow" | jq -r .state)" ended
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
before=$(events .)
again "$dir/t.yaml"
is "an adopter shows what was before it" "$(events . | head -n "$(wc -l <<<"$before")")" "$before"
is "shmsup events --after" "$("$shmsup" events -j --after 2 "$g" | jq .seq | head -n 2 | tr '\n' ' ')" "3 4 "
stop

# --------------------------------------------------------------------------------------- intensities
cat >"$dir/i.yaml" <<END
group: i
services:
  - {name: own, command: $actor, args: [idle], max_deaths: 3, window_ms: 600000}
  - {name: x, command: $actor, args: [idle], max_deaths: 0}
  - {name: y, command: $actor, args: [idle], max_deaths: 0}
  - {name: stays, command: $actor, args: [idle]}
strategies:
  - {name: both, strategy: one-for-one, services: [x, y], max_restarts: 3, window_ms: 600000}
END
start "$g" "$dir/i.yaml"
until_true all_ready "$g"
dies own SEGV
dies x SEGV
again "$dir/i.yaml"
dies own SEGV
dies y SEGV
again "$dir/i.yaml"
dies own SEGV
dies x SEGV
is "as many deaths as are allowed, under three supervisors: it runs" "$(status_of "$g" | jq -c '[.services[].state]')" '["ready","ready","ready","ready"]'
again "$dir/i.yaml"
dies own SEGV
is "one more: given up" "$(field "$g" own state)" failed
dies y SEGV
until_true in_state "$g" x failed
is "the same of a strategy: all its services are" "$(status_of "$g" | jq -c '[.services[].state]')" '["failed","failed","failed","ready"]'
stop

cat >"$dir/b.yaml" <<END
group: b
services:
  - {name: it, command: $actor, args: [when, "$dir/die", "1"], max_deaths: 0}
END
start "$g" "$dir/b.yaml"
until_true all_ready "$g"
touch "$dir/die"
delays() { events 'select(.event == "backoff") | .delay_ms'; }
delayed() { [ "$(delays | wc -l)" -ge "$1" ]; }
until_true delayed 6
again "$dir/b.yaml"
until_true delayed 8
rm "$dir/die"
# The first four of a row that begins anew are at most 10, 20, 40 and 80 ms.
is "the delay of quick deaths grows on in the adopter" "$(delays | sed -n '7,8p' | awk '$1 < 100' | wc -l)" 0
stop

# --------------------------------------------------------------------------------------- poison
cat >"$dir/p.yaml" <<END
group: p
services:
  - {name: from, command: $actor, args: [send, orders, hold, hold, hold, hold, hold]}
  - {name: it, command: $actor, args: [obey, orders], stop_timeout_ms: 300}
channels:
  - {name: orders, kind: mpsc, capacity: 16, message_size: 16, producers: [from], consumers: [it], ON_CRASH}
END
in_flight() { [ "$(field "$g" it in_flight)" = 1 ]; }
parked() { status_of "$g" | jq -c '[.parked[] | .incarnations]'; }
dies_of_it() {
	until_true in_flight
	dies it ABRT
}
for policy in 'on_crash: dead-letter' 'on_crash: redeliver, max_deliveries: 3'; do
	sed "s/ON_CRASH/$policy/" "$dir/p.yaml" >"$dir/policy.yaml"
	start "$g" "$dir/policy.yaml"
	until_true all_ready "$g"
	dies_of_it
	again "$dir/policy.yaml"
	dies_of_it
	again "$dir/policy.yaml"
	is "$policy: two deaths, two adoptions: nothing is proven" "$(parked)" '[]'
	dies_of_it
	like "$policy: the third is the proof, and who died is known" "$(parked)" '[[][[]1,2,3[]]*'
	what=$(parked)
	again "$dir/policy.yaml"
	is "$policy: and remains so" "$(parked)" "$what"
	is "$policy: told once" "$(events 'select(.event == "parked") | .pos' | sort | uniq -d)" ""
	stop
done

# --------------------------------------------------------------------------------------- hangs
cat >"$dir/h.yaml" <<END
group: h
services:
  - {name: from, command: $actor, args: [send, orders, hold, f, f, f, f]}
  - {name: it, command: $actor, args: [obey, orders], heartbeat_ms: 6000, stop_timeout_ms: 300}
channels:
  - {name: orders, kind: spsc, capacity: 16, message_size: 16, producers: [from], consumers: [it], alert_depth: 4}
END
start "$g" "$dir/h.yaml"
until_true in_flight
alerted() { [ "$(events 'select(.event == "alert") | .state')" = '"begin"' ]; }
until_true alerted
# No supervisor lives as long as the limit. Each has looked at least once since the last: what it counted shows in what it has kept.
lives=1
hung() { [ "$(events 'select(.event == "hang")' | wc -l)" = 1 ]; }
while ! hung && [ $lives -lt 40 ]; do
	sleep 1
	lives=$((lives + 1))
	again "$dir/h.yaml"
done
is "a hang that no supervisor has seen from its begin to its end is one" "$(events 'select(.event == "hang") | [.service, .incarnation, .limit_ms]')" '["it",1,6000]'
is "several have seen it" "$((lives > 2))" 1
until_true in_state "$g" it ready
over() { [ "$(events 'select(.event == "alert") | .state' | tail -n 1)" = '"end"' ]; }
until_true over
is "an alert that is on is not told again" "$(events 'select(.event == "alert") | .state' | tr '\n' ' ')" '"begin" "end" '
stop

# --------------------------------------------------------------------------------------- a file that is damaged
for seed in 1 2 3 4 5 6 7 8 9 10 11 12; do
	start "$g" "$dir/policy.yaml"
	until_true all_ready "$g"
	killed
	python3 - "$rundir/$g.state" $seed <<-'END'
		import random, sys
		random.seed(int(sys.argv[2]))
		f = open(sys.argv[1], "r+b")
		data = bytearray(f.read())
		for _ in range(len(data) // 50):
		    data[random.randrange(64, len(data))] = random.choice((0, 1, 2, 127, 128, 255, random.randrange(256)))
		f.seek(0)
		f.write(data)
	END
	start "$g" "$dir/policy.yaml" --adopt
	answers() { status_of "$g" >/dev/null || ! kill -0 "$pid" 2>/dev/null; }
	until_true answers
	"$shmsup" events "$g" >/dev/null 2>&1
	timeout 60 "$shmsup" stop "$g" >/dev/null 2>"$dir/err"
	ended "$pid"
	[ "$status" -lt 128 ] || echo "# seed $seed: exit status $status"
	worst=$((status > ${worst:-0} ? status : ${worst:-0}))
done
is "what is read from it is bounded: no adopter is killed by what it reads" "$((worst < 128))" 1
is "nothing left" "$(left "$g")" ""
