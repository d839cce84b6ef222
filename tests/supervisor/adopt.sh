#!/bin/bash
# The supervisor's own death: by real SIGKILLs, under load, at every of its system calls; and who goes on after it.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
topology=tests/supervisor/echo.yaml
at_syscall=$BUILD/test/sup_at_syscall
g=$base-a
killed() { kill -9 "$pid" && ended "$pid"; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
pids_of() { status_of "$g" | jq -r '.services[] | "\(.name) \(.pid) \(.incarnation) \(.respawns)"'; }
adopted() { [ "$(status_of "$g" | jq .adoptions)" = "$1" ]; }

# --------------------------------------------------------------------------------------- nothing, something else
cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [idle], depends_on: [a]}
  - {name: c, command: $actor, args: [ready-exit, "0"], restart: on-failure}
  - {name: plain, command: sleep, args: ["1000"], ready: spawn}
channels:
  - {name: line, kind: mpsc, message_size: 8, producers: [a], consumers: [b]}
pools:
  - {name: blocks, block_size: 4096, block_count: 4, users: [a, b]}
EOF
"$shmsup" adopt "$dir/t.yaml" --name "$g" >"$dir/out" 2>&1
is "adopt, and there is nothing: exit status" $? 11
is "adopt, and there is nothing: one line" "$(cat "$dir/out")" "shmsup: there is no group '$g' to adopt; nothing was started"
is "adopt, and there is nothing: nothing left" "$(left "$g")" ""
start "$g" "$dir/t.yaml" --adopt
up() { in_state "$g" b ready && in_state "$g" c "done"; }
until_true up
ok 0 "run --adopt, and there is nothing: it is begun"
"$shmsup" run "$dir/t.yaml" --name "$g" --adopt >"$dir/out" 2>&1
is "run --adopt of a group with a living supervisor: exit status" $? 4
before=$(pids_of)
killed
for change in 's/message_size: 8/message_size: 16/' 's/name: plain/name: other/' '/name: plain/d' 's/block_count: 4/block_count: 5/' \
	's/producers: \[a\]/producers: [a, c]/' 's/kind: mpsc/kind: spsc/' 's/name: line/name: link/' '/^channels/,/line/d'; do
	sed "$change" "$dir/t.yaml" >"$dir/other.yaml"
	"$shmsup" adopt "$dir/other.yaml" --name "$g" >"$dir/out" 2>&1
	is "another topology ($change): exit status" $? 15
	like "another topology ($change): one line" "$(cat "$dir/out")" "shmsup: can't adopt group '$g': *; nothing was changed"
done
start "$g" "$dir/t.yaml" --adopt
until_true adopted 1
is "the same topology: every process runs on, with its counts" "$(pids_of)" "$before"
is "status says which are adopted" "$(status_of "$g" | jq -c '[.services[].adopted]')" '[true,true,null,true]'
like "and one line does" "$(cat "$dir/$g.err")" "shmsup: $g: adopted: 3 services run on, 0 had died"
old=$(field "$g" a pid)
kill -ABRT "$old"
until_true is_replaced "$g" a "$old"
until_true in_state "$g" a ready
like "an adopted service that dies is replaced, and how it died is known" "$(field "$g" a last)" "was killed by SIGABRT*"
is "its replacement is a child again" "$(field "$g" a adopted)" null
"$shmsup" restart "$g" b >/dev/null
is "an adopted service is restarted" "$?,$(field "$g" b incarnation)" "0,2"
plain=$(field "$g" plain pid)
stop
is "stop: exit status" "$status" 0
is "stop: the adopted have ended, nothing is left" "$(gone "$plain" && left "$g")" ""

# --------------------------------------------------------------------------------------- deaths in between
cat >"$dir/d.yaml" <<EOF
group: d
services:
  - {name: killed, command: $actor, args: [idle]}
  - {name: parent, command: $actor, args: [parent, "$dir/child"]}
  - {name: ends, command: $actor, args: [when, "$dir/end", "0"], restart: on-failure}
  - {name: fails, command: $actor, args: [when, "$dir/end", "3"]}
  - {name: wavers, command: $actor, args: [late, "3"]}
  - {name: stubborn, command: $actor, args: [stubborn], stop_timeout_ms: 3000}
EOF
start "$g" "$dir/d.yaml"
until_true all_ready "$g"
killed_pid=$(field "$g" killed pid) parent=$(field "$g" parent pid) ends=$(field "$g" ends pid) fails=$(field "$g" fails pid)
child=$(cat "$dir/child")
respawns=$(field "$g" wavers respawns)
killed
kill -9 "$killed_pid" "$parent"
touch "$dir/end"
for p in "$killed_pid" "$parent" "$ends" "$fails"; do until_true gone "$p"; done
is "its child runs on" "$(gone "$child" || echo yes)" yes
rm "$dir/end" "$dir/child"
start "$g" "$dir/d.yaml" --adopt
seen() { in_state "$g" killed ready && in_state "$g" parent ready && in_state "$g" ends "done" && in_state "$g" fails failed; }
until_true seen
is "killed in between: replaced" "$(field "$g" killed incarnation),$(field "$g" killed respawns)" "2,1"
# The kernel can tell as long as its new parent has not reaped it.
like "killed in between: what is known of it" "$(field "$g" killed last | sed 's/was killed by SIGKILL/died while its group had no supervisor/')" \
	"died while its group had no supervisor"
is "ended in between with status 0, restart: on-failure: it is done" "$(field "$g" ends last)" "ended with exit status 0"
is "failed in between for good: it is failed" "$(field "$g" fails last)" "ended with exit status 3"
until_true gone "$child"
ok 0 "the child of a service that died in between is ended"
is "the others' counts are as they were" "$(field "$g" wavers respawns)" "$respawns"
"$shmsup" restart "$g" stubborn >"$dir/out" 2>&1 &
waiter=$!
until_true in_state "$g" stubborn restarting
killed
wait $waiter
is "a restart whose supervisor is killed: the client is told" $? 13
start "$g" "$dir/d.yaml" --adopt
again() { in_state "$g" stubborn ready && [ "$(field "$g" stubborn incarnation)" = 2 ]; }
until_true again
ok 0 "and the next one goes on with it"
kill "$pid"
until_true in_state "$g" stubborn stopping
killed
start "$g" "$dir/d.yaml" --adopt
ended "$pid"
is "interrupted, and killed while it stopped the group: the next one ends it as it would have ended" "$status" 9
is "nothing left" "$(left "$g")" ""
start "$g" "$dir/d.yaml"
until_true all_ready "$g"
"$shmsup" stop "$g" >"$dir/out" 2>&1 &
waiter=$!
until_true in_state "$g" stubborn stopping
killed
wait $waiter
is "a stop whose supervisor is killed: it stops the group itself" $? 0
is "nothing left" "$(left "$g")" ""

# --------------------------------------------------------------------------------------- a number that another has now
start "$g" "$dir/t.yaml"
until_true up
a=$(field "$g" a pid)
killed
kill -9 "$a"
until_true gone "$a"
# The state says that service a has the pid of a process that is not its: this script's own.
python3 - "/dev/shm/shmchan.$g" "$a" $$ <<'P'
import struct, sys
path, old, new = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = open(path, "r+b")
text = data.read()
at = text.index(struct.pack("<Q", old), 256)
data.seek(at)
data.write(struct.pack("<Q", new))
P
start "$g" "$dir/t.yaml" --adopt
until_true in_state "$g" a ready
is "a pid that another process has by now: that one is left alone, the service is replaced" "$(field "$g" a incarnation)" 2
stop
is "and it still runs" "$status" 0

# --------------------------------------------------------------------------------------- under load, many times
# Exact, whoever counted: all have ended, so that each service has one death more than respawns; and of these deaths at most the last
# one, its own end, is not one of chaos' kills.
balanced() {
	jq -c '[.sent == .answered + .lost, .complete, .balanced, .exit_status,
		([.per_service[] | .deaths - .respawns == 1 and (.deaths - .kills == 0 or .deaths - .kills == 1)] | all),
		.kills == ([.per_service[].kills] | add)]' "$dir/r.json"
}
all_well='[true,true,true,0,true,true]'
begin() { start "$g" $topology --set actor="$actor" --set chaos=on --report "$dir/r.json" --adopt "$@"; }
for loop in io_uring poll; do
	export SHMSUP_LOOP=$loop
	kills=0
	begin --set requests=200000
	while kill -0 "$pid" 2>/dev/null && [ $kills -lt 20 ]; do
		sleep "$(printf '0.%03d' $((RANDOM % 120)))"
		kill -9 "$pid" 2>/dev/null || break
		ended "$pid"
		[ "$status" = 137 ] || break
		kills=$((kills + 1))
		begin --set requests=200000
	done
	ended "$pid"
	is "$loop: supervisor killed $kills times under chaos: exit status" "$status" 0
	is "$loop: every request has its answer, every death its respawn, every kill is counted" "$(balanced)" "$all_well"
	is "$loop: nothing left" "$(left "$g")" ""
	is "$loop: it was killed more than once" "$((kills > 1))" 1
done
unset SHMSUP_LOOP

# Kills from outside, of services and of the supervisor, counted by who sends them: a process that lives, and that a supervisor has
# noted (of another nobody could know that it was there), is killed once, and its death is awaited. When all has come to rest, the
# counts are the same.
cat >"$dir/k.yaml" <<EOF
group: k
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [idle]}
  - {name: plain, command: sleep, args: ["1000"], ready: spawn}
EOF
start "$g" "$dir/k.yaml"
until_true all_ready "$g"
python3 - "$shmsup" "$BUILD/bin/shmtool" "$dir/k.yaml" "$g" "$pid" 25 >"$dir/sent" 2>"$dir/k.err" <<'P'
import json, os, random, select, signal, subprocess, sys, time
shmsup, shmtool, topology, group, supervisor, rounds = sys.argv[1:5] + [int(n) for n in sys.argv[5:]]
sent, killed = {"a": 0, "b": 0, "plain": 0}, []

def noted():
    out = subprocess.run([shmtool, "-j", "service", "list", group], stdout=subprocess.PIPE, check=True).stdout
    return [(s["pid"], s["name"]) for s in json.loads(out) if s["state"] == "running" and s["alive"]]

def dead(fd, ms):
    p = select.poll()
    p.register(fd, select.POLLIN)
    return bool(p.poll(ms))

def kill_one():
    living = noted()
    if not living:
        return
    pid, name = random.choice(living)
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    # Still the one that was looked at, and nobody else kills: so this is its death.
    if (pid, name) in noted() and not dead(fd, 0):
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        dead(fd, None)
        sent[name] += 1
        killed.append(pid)
    os.close(fd)

child = None
for i in range(rounds):
    for n in range(random.randrange(8)):
        kill_one()
    os.kill(supervisor, signal.SIGKILL)
    if child:
        child.wait()
    for n in range(random.randrange(4)):
        kill_one()
    child = subprocess.Popen([shmsup, "run", topology, "--name", group, "--adopt"], stdout=subprocess.DEVNULL)
    supervisor = child.pid
    time.sleep(random.random() / 20)
child.send_signal(signal.SIGKILL)
child.wait()
print(sent["a"], sent["b"], sent["plain"], *killed)
P
ended "$pid"
start "$g" "$dir/k.yaml" --adopt
read -r a b plain killed <"$dir/sent"
at_rest() { all_ready "$g" && ! status_of "$g" | jq '.services[].pid' | grep -qxF "${killed// /$'\n'}"; }
until_true at_rest
is "$((a + b + plain)) kills of services from outside, and of 26 supervisors: as many respawns, of each" \
	"$(status_of "$g" | jq -r '[.services[].respawns] | join(" ")')" "$a $b $plain"
is "there were many" "$((a + b + plain > 30))" 1
"$shmsup" stop "$g" >/dev/null
ended "$pid"

# At its n-th system call: from before there is anything, through starts and deaths, to the removal of the last file.
run=("$shmsup" run "$topology" --name "$g" --set actor="$actor" --set chaos=on --set requests=3000 --report "$dir/r.json" --adopt)
bad=0 n=1 killed=0 step=${STEP:-11}
while :; do
	rm -f "$dir/r.json"
	timeout 60 "$at_syscall" $n "${run[@]}" >/dev/null 2>"$dir/first.err"
	first=$?
	[ $first = 137 ] || break
	killed=$((killed + 1))
	timeout 60 "${run[@]}" >"$dir/out" 2>"$dir/err"
	status=$?
	[ -s "$dir/r.json" ] && sed 's/^/# /' "$dir/r.json" >"$dir/seen"
	what="$status $(balanced 2>/dev/null) $(left "$g")"
	if [ "$what" != "0 $all_well " ]; then
		bad=$((bad + 1))
		printf '# killed at stop %d: %s\n' $n "$what"
		sed 's/^/# /' "$dir/first.err" "$dir/err" "$dir/seen"
		"$shmsup" stop "$g" >/dev/null 2>&1
	fi
	n=$((n + step))
done
is "killed at every ${step}th of its system calls, $killed times: the next one always comes to the same end" "$bad" 0
is "and when it was not killed, all was well" "$first" 0
is "it was killed many times" "$((killed > 20))" 1
