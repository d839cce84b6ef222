#!/bin/bash
# Warm spares: they take over, also from the dead of another supervisor, and nothing of them is left.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
at_syscall=$BUILD/test/sup_at_syscall
g=$base-w
events() { "$shmsup" events -j "$g" | jq -c "$1" | tr '\n' ' '; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
killed() { kill -9 "$pid" && ended "$pid"; }
spare() { field "$g" "$1" spare.pid; }
waits() { [ "$(field "$g" "$1" spare.waits)" = true ]; }
no_spare() { [ "$(field "$g" "$1" spare)" = null ]; }
# Processes of the group that still run, whoever their parent is.
processes() { grep -lz "^SHMCHAN_GROUP=$g\$" /proc/[0-9]*/environ 2>/dev/null | wc -l; }
no_process() { [ "$(processes)" = 0 ]; }
# Kills the service and waits for its spare to have taken its place, and for the next one.
take_over() {
	local old new
	until_true waits "$1"
	old=$(field "$g" "$1" pid) new=$(spare "$1")
	kill -9 "$old"
	until_true is_replaced "$g" "$1" "$old"
	until_true in_state "$g" "$1" ready
	is "$2: its spare takes over" "$(field "$g" "$1" pid)" "$new"
	until_true waits "$1"
}

cat >"$dir/w.yaml" <<EOF
group: w
services:
  - {name: it, command: $actor, args: [idle], spare: 1}
  - {name: big, command: $actor, args: [big, "32"], spare: 1}
  - {name: poor, command: /bin/sh, args: [-c, '[ "\$SHMCHAN_SPARE" = 0 ] && exec $actor idle; exit 1'], spare: 1}
  - {name: lone, command: $actor, args: [idle]}
  - {name: slow, command: /bin/sh, args: [-c, '[ "\$SHMCHAN_SPARE" = 0 ] && exec $actor idle; exec sleep 1000'], spare: 1}
EOF
# shown SERVICE: by shmsup and by shmtool, of both the pid and the state
shown() {
	status_of "$g" | jq -c --arg s "$1" '.services[] | select(.name == $s) | [.spare.pid, .spare.state]'
	"$BUILD/bin/shmtool" -j service show "$g" "$1" | jq -c '[.spare_pid, .spare_state]'
	"$BUILD/bin/shmtool" -j service list "$g" | jq -c --arg s "$1" '.[] | select(.name == $s) | [.spare_pid, .spare_state]'
}
for loop in io_uring poll; do
	export SHMSUP_LOOP=$loop
	start "$g" "$dir/w.yaml"
	until_true all_ready "$g"
	is "$loop: who wants none has none" "$(spare lone)" null
	until_true waits it
	is "$loop: shown" "$(shown it | sort -u)" "[$(spare it),\"spare\"]"
	is "$loop: one that has not come to where it waits" "$(shown slow | sort -u)" "[$(spare slow),\"starting\"]"
	is "$loop: none" "$(shown lone | sort -u)" "[null,null]"
	like "$loop: for people" "$("$shmsup" status "$g" | grep '^it ')" "*; spare $(spare it)"
	like "$loop: for people, one that starts" "$("$shmsup" status "$g" | grep '^slow ')" "*; spare $(spare slow) starts"
	is "$loop: for people, by shmtool" "$("$BUILD/bin/shmtool" service list "$g" -f name,spare_pid,spare_state | awk '$1 == "it" {print $2, $3}')" \
		"$(spare it) spare"
	like "$loop: in the plain table" "$("$BUILD/bin/shmtool" service list "$g" | head -n 1)" "*SPARE-PID*SPARE-STATE*"
	for _ in 1 2 3; do take_over it "$loop"; done
	take_over big "$loop, with memory"
	is "$loop: incarnations and restarts" "$(field "$g" it incarnation),$(field "$g" it respawns),$(field "$g" big incarnation)" "4,3,2"
	kill -9 "$(spare it)"
	two() { [ "$(events 'select(.event == "spare" and .service == "it" and .state == "died") | 1')" = "1 " ] && waits it; }
	until_true two
	is "$loop: a spare that dies is replaced, and is no restart" "$(field "$g" it incarnation)" 4
	old=$(field "$g" poor pid)
	kill -9 "$old"
	until_true is_replaced "$g" poor "$old"
	until_true in_state "$g" poor ready
	ok 0 "$loop: a service whose spares die goes without"

	old=$(spare it)
	"$shmsup" restart "$g" it >/dev/null
	until_true waits it
	is "$loop: a restart begins the program anew, and its spare" "$(([ "$(field "$g" it pid)" != "$old" ] && [ "$(spare it)" != "$old" ]) && echo yes)" yes
	"$shmsup" stop "$g" it >/dev/null
	until_true no_spare it
	ok 0 "$loop: a service that is stopped has no spare"
	"$shmsup" start "$g" it >/dev/null
	until_true waits it
	ok 0 "$loop: and when it is started again it has"

	old=$(spare it)
	"$shmsup" upgrade "$g" >"$dir/out" 2>&1
	is "$loop: upgraded: the spare waits on" "$?,$(spare it)" "0,$old"
	take_over it "$loop, upgraded"
	# the supervisor dies: spares wait on, and are taken over with their services
	old=$(spare it) big=$(spare big)
	killed
	kill -9 "$big"
	until_true gone "$big"
	is "$loop: dead, and nobody there to replace it" "$("$BUILD/bin/shmtool" -j service show "$g" big | jq -c '[.spare_pid, .spare_state]')" "[$big,\"dead\"]"
	start "$g" "$dir/w.yaml" --adopt
	until_true all_ready "$g"
	is "$loop: adopted with its spare" "$(spare it)" "$old"
	take_over it "$loop, adopted"
	take_over big "$loop, one that had died"
	it=$(field "$g" it pid) old=$(spare it)
	killed
	kill -9 "$it"
	start "$g" "$dir/w.yaml" --adopt
	until_true is_replaced "$g" it "$it"
	is "$loop: died in between: the spare takes over" "$(field "$g" it pid)" "$old"
	until_true all_ready "$g"
	until_true waits it
	stop
	is "$loop: exit status" "$status" 0
	is "$loop: nothing left" "$(left "$g")" ""
	until_true no_process
	start "$g" "$dir/w.yaml"
	until_true all_ready "$g"
	until_true waits it
	killed
	"$shmsup" stop "$g" >/dev/null
	is "$loop: stopped without a supervisor" "$?" 0
	until_true no_process
	ok 0 "$loop: no process left"
done
unset SHMSUP_LOOP

# ------------------------------------------------------------------------------------------------ other users, replicas
if [ "$(id -u)" = 0 ] && chmod 755 "$dir" && cp "$actor" "$dir/actor"; then
	cat >"$dir/u.yaml" <<EOF
group: u
services:
  - {name: it, replicas: 1, max_replicas: 2, command: $dir/actor, args: [idle], user: nobody, seccomp: strict, spare: 1}
EOF
	start "$g" "$dir/u.yaml"
	until_true in_state "$g" it-1 ready
	for _ in 1 2 3; do take_over it-1 "another user, strict"; done
	is "it is that user" "$(stat -c %U "/proc/$(field "$g" it-1 pid)")" nobody
	"$shmsup" scale "$g" it=2 >/dev/null
	take_over it-2 "scaled up"
	"$shmsup" scale "$g" it=1 >/dev/null
	until_true no_spare it-2
	ok 0 "scaled down: no spare"
	stop
	is "exit status" "$status" 0
	until_true no_process
fi

# ------------------------------------------------------------------------------------------------ under load
sed 's/^    restart: on-failure/&\n    spare: 1/; s/^    replicas:.*/&\n    spare: 1/; s/every_ms: .*/every_ms: [1, 9]/' tests/supervisor/echo.yaml >"$dir/echo.yaml"
is "three services with spares" "$(grep -c 'spare: 1' "$dir/echo.yaml")" 3
balanced() {
	jq -c '[.sent == .answered + .lost, .complete, .balanced, .exit_status, .kills >= .respawns]' "$dir/r.json"
}
run=(run "$dir/echo.yaml" --name "$g" --set actor="$actor" --set chaos=on --report "$dir/r.json" --adopt)
total=0
while [ $total -lt 500 ]; do
	timeout 300 "$shmsup" "${run[@]}" --set requests=300000 >"$dir/out" 2>"$dir/load.err"
	is "killed under load: exit status" $? 0
	is "every request has its answer, once" "$(balanced)" '[true,true,true,0,true]'
	n=$(jq .respawns "$dir/r.json")
	total=$((total + n))
	[ "$n" -gt 0 ] || break
done
ok $((total < 500)) "killed 500 times"
is "nothing left" "$(left "$g")" ""
until_true no_process

# The supervisor killed at its n-th system call, with spares in every state.
bad=0 n=1 killed=0 step=${STEP:-29}
while :; do
	rm -f "$dir/r.json"
	timeout 60 "$at_syscall" $n "$shmsup" "${run[@]}" --set requests=3000 >/dev/null 2>"$dir/first.err"
	first=$?
	[ $first = 137 ] || break
	killed=$((killed + 1))
	timeout 60 "$shmsup" "${run[@]}" --set requests=3000 >"$dir/out" 2>"$dir/err"
	what="$? $(balanced 2>/dev/null) $(left "$g")"
	until_true no_process
	if [ "$what" != "0 [true,true,true,0,true] " ]; then
		bad=$((bad + 1))
		printf '# killed at stop %d: %s\n' $n "$what"
		sed 's/^/# /' "$dir/first.err" "$dir/err"
		"$shmsup" stop "$g" >/dev/null 2>&1
	fi
	n=$((n + step))
done
is "killed at every ${step}th of its system calls, $killed times: the next one always comes to the same end" "$bad" 0
is "and when it was not killed, all was well" "$first" 0
