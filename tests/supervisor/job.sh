#!/bin/bash
# Jobs: complete, balanced, reported; under chaos; on both ways of waiting; interrupted; failed.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
topology=tests/supervisor/echo.yaml

for loop in io_uring poll; do
	g=$base-$loop
	out=$(SHMSUP_LOOP=$loop "$shmsup" run $topology --name "$g" --set actor="$actor" --report "$dir/r.json" 2>"$dir/err")
	is "$loop: exit status of a complete job" $? 0
	like "$loop: summary" "$out" "$g: complete after * s: sent 1000, answered 1000, lost 0; 0 respawns; the counts balance"
	is "$loop: nothing on standard error, no progress line" "$(cat "$dir/err")" ""
	is "$loop: report is one line" "$(wc -l <"$dir/r.json")" 1
	is "$loop: report" "$(jq -c '[.group, .sent, .answered, .lost, .respawns, .complete, .balanced, .exit_status]' "$dir/r.json")" \
		"[\"$g\",1000,1000,0,0,true,true,0]"
	is "$loop: report, per service" "$(jq -c '.per_service | to_entries | map([.key, .value.respawns])' "$dir/r.json")" \
		'[["echo-1",0],["echo-2",0],["count",0],["feed",0]]'
	is "$loop: seconds is a number" "$(jq '.seconds > 0 and .seconds < 600' "$dir/r.json")" true
	is "$loop: nothing left" "$(left "$g")" ""

	"$shmsup" run $topology --name "$g" --set actor="$actor" --set chaos=on --set requests=60000 --report "$dir/r.json" \
		>"$dir/out" 2>"$dir/err"
	is "$loop: chaos: exit status" $? 0
	is "$loop: chaos: the supervisor is quiet" "$(grep ^shmsup "$dir/err")" ""
	is "$loop: chaos: balance" "$(jq '.sent == 60000 and .sent == .answered + .lost' "$dir/r.json")" true
	is "$loop: chaos: there were kills, each with its respawn" \
		"$(jq '.kills > 0 and .respawns > 0 and .respawns == ([.per_service[].respawns] | add)' "$dir/r.json")" true
	is "$loop: chaos: nothing left" "$(left "$g")" ""
done

g=$base-int
for signal in TERM INT HUP; do
	start "$g" $topology --set actor="$actor" --set requests=4000000000 --report "$dir/r.json"
	until_true in_state "$g" feed ready
	kill -s $signal "$pid"
	ended "$pid"
	is "SIG$signal: exit status" "$status" 9
	is "SIG$signal: nothing left" "$(left "$g")" ""
	is "SIG$signal: the report says so" "$(jq -c '[.complete, .exit_status]' "$dir/r.json")" '[false,9]'
done

start "$g" $topology --set actor="$actor" --set requests=4000000000
until_true in_state "$g" feed ready
"$shmsup" stop "$g" >/dev/null
is "stop before the job is complete: exit status of stop" $? 0
is "stop has returned: nothing left" "$(left "$g")" ""
ended "$pid"
is "stop before the job is complete: exit status of run" "$status" 10

cat >"$dir/lost.yaml" <<EOF
group: lost
services:
  - {name: count, command: $actor, args: [count, "0"], restart: on-failure}
  - {name: odd, command: $actor, args: [feed, "3", "1"], restart: on-failure}
channels:
  - {name: requests-1, kind: spsc, message_size: 8, producers: [odd], consumers: [count]}
  - {name: answers, kind: mpsc, message_size: 8, producers: [odd], consumers: [count], tally: [answered, lost]}
job:
  complete: count
  report: {sent: requests-1.enqueued, answered: answers.answered, lost: answers.lost}
  balance: [sent, answered, lost]
EOF
sed 's/complete: count/complete: odd/' "$dir/lost.yaml" >"$dir/unbalanced.yaml"
out=$("$shmsup" run "$dir/unbalanced.yaml" --name "$g" 2>"$dir/err")
is "counts that do not balance: exit status" $? 8
like "counts that do not balance: the reason" "$out" "*sent is 3, but what became of them adds up to 0*"
is "counts that do not balance: nothing left" "$(left "$g")" ""

sed -i 's/restart: on-failure/restart: never/; s/"0"/"1"/' "$dir/lost.yaml"
start "$g" "$dir/lost.yaml"
until_true in_state "$g" count ready
"$shmsup" kill "$g" count >/dev/null
ended "$pid"
is "the service that completes the job was given up: exit status" "$status" 7
like "one line names it" "$(cat "$dir/$g.err")" "*service 'count' failed: it was killed by SIGKILL; stopping the group*"

touch "$dir/file"
"$shmsup" run $topology --name "$g" --set actor="$actor" --report "$dir/file/r" >"$dir/out" 2>"$dir/err"
is "a report that can't be written: exit status" $? 14
like "one line, before anything was started" "$(cat "$dir/err")" "shmsup: can't write report $dir/file/r: $dir/file is not a directory; nothing was started"
"$shmsup" run $topology --name "$g" --set actor="$actor" --report "$dir" >"$dir/out" 2>"$dir/err"
is "a report that is a directory: exit status" $? 14
out=$("$shmsup" run $topology --name "$g" --set actor="$actor" --report - | tail -n 1 | jq .sent)
is "a report on standard output" "$out" 1000
"$shmsup" run $topology --name "$g" --set actor="$actor" --report /dev/full >/dev/null 2>"$dir/err"
is "a report that fails at the end: exit status" $? 14
like "one line" "$(cat "$dir/err")" "shmsup: $g: can't write report /dev/full: No space left on device"

if command -v script >/dev/null; then
	script -qec "$shmsup run $topology --name $g --set actor=$actor --set requests=100000 --set chaos=on" /dev/null >"$dir/out" </dev/null
	like "on a terminal: a live line with counts, rate and respawns" "$(tr '\r' '\n' <"$dir/out" | grep -a '/s, ' | tail -n 1)" \
		"*$g: sent *, answered *, lost *, */s, * respawns, * s*"
	like "and the summary after it" "$(tail -n 1 "$dir/out")" "*$g: complete after*"
fi
