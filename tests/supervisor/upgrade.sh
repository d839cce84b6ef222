#!/bin/bash
# The supervisor goes on as another program: with its services, its queues, its clients; or stays what it is.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
topology=tests/supervisor/echo.yaml
g=$base-u
upgrades() { status_of "$g" | jq .upgrades; }
pids_of() { status_of "$g" | jq -c '[.supervisor_pid, (.services[] | [.name, .pid, .incarnation, .respawns, .adopted])]'; }
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
adopted() { [ "$(status_of "$g" | jq .adoptions)" = "$1" ]; }
fds() { find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
# script FILE: a program from standard input.
script() {
	{
		echo '#!/bin/bash'
		cat
	} >"$1"
	chmod 755 "$1"
}
cp "$shmsup" "$dir/shmsup-2"

# --------------------------------------------------------------------------------------- at rest
cat >"$dir/t.yaml" <<END
group: t
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [idle], depends_on: [a]}
  - {name: plain, command: sleep, args: ["1000"], ready: spawn}
  - {name: stubborn, command: $actor, args: [stubborn], stop_timeout_ms: 1500}
channels:
  - {name: line, kind: mpsc, message_size: 8, producers: [a], consumers: [b]}
END
"$shmsup" upgrade "$g" >"$dir/out" 2>&1
is "no such group: exit status" $? 11
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
"$shmsup" events -f -j "$g" >"$dir/follow" 2>"$dir/follow.err" &
follower=$!
heard() { grep -q "$1" "$dir/follow"; }
until_true heard '"event":"ready".*"b"'
before=$(pids_of) open=$(fds)
"$shmsup" upgrade "$g" >"$dir/out" 2>&1
is "as itself, read anew: exit status, words" "$?,$(cat "$dir/out")" "0,$g: upgraded to $shmsup, supervisor pid $pid"
is "the same supervisor's pid, the same processes, its children still" "$(pids_of)" "$before"
is "status counts it" "$(status_of "$g" | jq -c '[.upgrades, .adoptions]')" "[1,0]"
(cd "$dir" && "$shmsup" upgrade "$g" shmsup-2 >"$dir/out" 2>&1)
is "as another program, named from here" "$?,$(cat "$dir/out")" "0,$g: upgraded to $dir/shmsup-2, supervisor pid $pid"
is "it is that program" "$(readlink "/proc/$pid/exe")" "$dir/shmsup-2"
like "as a group that is adopted if it is left" "$(tr '\0' ' ' <"/proc/$pid/cmdline")" "* run --adopt *$dir/t.yaml *"
cp "$shmsup" "$dir/shmsup-3" && mv "$dir/shmsup-3" "$dir/shmsup-2"
"$shmsup" upgrade "$g" >/dev/null
is "replaced by a rename, and upgraded without a name: it is the new file" "$?,$(stat -Lc %i "/proc/$pid/exe")" "0,$(stat -c %i "$dir/shmsup-2")"
until_true heard '"state":"upgraded"'
"$shmsup" restart "$g" stubborn >"$dir/out" 2>&1 &
waiter=$!
until_true in_state "$g" stubborn restarting
"$shmsup" upgrade "$g" >/dev/null
wait $waiter
is "a client that waits for a restart meanwhile has its answer" "$?,$(field "$g" stubborn incarnation)" "0,2"
python3 - "$rundir/$g.sock" "$shmsup" "$g" >"$dir/out" <<'END'
import json, socket, subprocess, sys, threading
path, shmsup, group = sys.argv[1:]
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    return s, s.makefile("r")
idle, half, busy = connect(), connect(), connect()
half[0].sendall(b'{"verb":"sta')
busy[0].sendall(b'{"verb":"status"}\n' * 20)
refused, done, n = [], False, 0
def knock():
    global n
    while not done:
        try:
            s, f = connect()
            s.sendall(b'{"verb":"status"}\n')
            if not json.loads(f.readline())["ok"]:
                refused.append("not ok")
            n += 1
        except Exception as e:
            refused.append(repr(e))
threads = [threading.Thread(target=knock) for i in range(3)]
for t in threads:
    t.start()
for i in range(10):
    subprocess.run([shmsup, "upgrade", group], stdout=subprocess.DEVNULL, check=True)
done = True
for t in threads:
    t.join()
half[0].sendall(b'tus"}\n')
idle[0].sendall(b'{"verb":"status"}\n')
print(json.loads(idle[1].readline())["ok"], json.loads(half[1].readline())["ok"],
      sum(json.loads(busy[1].readline())["ok"] for i in range(20)), n > 10, refused)
END
is "connections live on, a request in two halves is one, and nobody is refused meanwhile" "$(cat "$dir/out")" "True True 20 True []"
is "many upgrades later: no descriptor more, no child more" "$(fds),$(pgrep -cP "$pid")" "$open,4"
kill -SEGV "$(field "$g" a pid)"
until_true in_state "$g" a ready
repaired() { [ "$(field "$g" a incarnation)" = 2 ]; }
until_true repaired
like "it is a supervisor" "$(field "$g" a last)" "was killed by SIGSEGV*"

# --------------------------------------------------------------------------------------- what is refused
before=$(pids_of)
# refused NAME BINARY PATTERN
refused() {
	"$shmsup" upgrade "$g" "$2" >"$dir/out" 2>&1
	like "refused: $1" "$?,$(cat "$dir/out")" "12,shmsup: can't upgrade to $3"
	[ "$(pids_of)" = "$before" ] || is "refused: $1: everything goes on" "$(pids_of)" "$before"
}
head -c 100000 /dev/urandom >"$dir/noise" && chmod 755 "$dir/noise"
head -c 200000 "$shmsup" >"$dir/half" && chmod 755 "$dir/half"
echo text >"$dir/text"
refused "nothing there" "$dir/none" "$dir/none: No such file or directory; this shmsup goes on"
refused "a folder" "$dir" "$dir: Permission denied; *"
refused "not executable" "$dir/text" "$dir/text: Permission denied; *"
refused "noise" "$dir/noise" "$dir/noise: Exec format error; *"
refused "half a program" "$dir/half" "$dir/half: *"
refused "a program that says nothing" /bin/true "/bin/true: it is no shmsup that can take over: asked for that, it ended with exit status 0"
refused "a program that complains" /bin/cat "/bin/cat: it is no shmsup*"
refused "a program of this project" "$BUILD/bin/shmtool" "$BUILD/bin/shmtool: it is no shmsup*"
script "$dir/says" <<<"echo '{\"fits\":\"other\",\"handover\":1}'"
refused "one that says yes for another group" "$dir/says" "$dir/says: it takes over in another way*"
script "$dir/says" <<<"echo '{\"fits\":\"$g\",\"handover\":1}'"
refused "one of another handover" "$dir/says" "$dir/says: it takes over in another way*"
script "$dir/says" <<<"$shmsup \"\$@\"; exit 1"
refused "one that says yes and fails" "$dir/says" "$dir/says: it *"
script "$dir/says" <<<"yes | head -c 30000; echo '{\"fits\":'; kill -SEGV \$\$"
refused "one that says too much and is killed" "$dir/says" "$dir/says: *"
refused "a shmsup whose state file has another layout" "$BUILD/test/shmsup-other" \
	"$BUILD/test/shmsup-other: can't adopt group '$g': $rundir/$g.state was written by a shmsup of another layout"
cp "$dir/t.yaml" "$dir/kept.yaml"
sed -i 's/message_size: 8/message_size: 16/' "$dir/t.yaml"
refused "a topology that has become another" "$shmsup" "$shmsup: line: the channel is there with another*"
echo 'services: [' >"$dir/t.yaml"
refused "a topology that is broken" "$shmsup" "$shmsup: $dir/t.yaml:*"
sed "s|command: sleep|command: $dir/gone|" "$dir/kept.yaml" >"$dir/t.yaml"
refused "a service's program that is gone" "$shmsup" "$shmsup: service 'plain': program '$dir/gone' can't be started*"
cp "$dir/kept.yaml" "$dir/t.yaml"
script "$dir/says" <<<"$shmsup \"\$@\"; rm \"\$0\""
refused "one that is gone when it is to be executed" "$dir/says" "$dir/says: No such file or directory"
script "$dir/says" <<<"$shmsup \"\$@\"; sed -i 's/idle/idle, {/' $dir/t.yaml"
refused "one whose topology the running program could not take the group back by" "$dir/says" \
	"$dir/says: this shmsup could not take the group back if that failed: $dir/t.yaml:*"
cp "$dir/kept.yaml" "$dir/t.yaml"
script "$dir/sleeps" <<<"sleep 1000"
"$shmsup" upgrade "$g" "$dir/sleeps" >"$dir/slow" 2>&1 &
waiter=$!
asked() { pgrep -f "$dir/sleeps fits" >/dev/null; }
until_true asked
"$shmsup" upgrade "$g" >"$dir/out" 2>&1
is "a second one meanwhile" "$?,$(cat "$dir/out")" "12,shmsup: an upgrade is under way already"
wait $waiter
is "one that does not answer" "$?,$(cat "$dir/slow")" \
	"12,shmsup: can't upgrade to $dir/sleeps: it was asked whether it can take the group over, and did not answer within 10 s"
is "its children are gone" "$(pgrep -cf "$dir/sleeps")" 0
is "everything goes on" "$(pids_of)" "$before"
is "no descriptor more, no child more" "$(fds),$(pgrep -cP "$pid")" "$open,4"
like "each that was asked is an event" "$(events 'select(.event == "upgrade" and .binary == "/bin/true") | .refused')" '"it is no shmsup*'
"$shmsup" upgrade "$g" >/dev/null
is "and after all of them a good one" $? 0
"$shmsup" stop "$g" >/dev/null
ended "$pid"
is "stopped: exit status" "$status" 0
wait "$follower"
is "the follower, who was connected all the time, missed nothing" "$?,$(jq .seq <"$dir/follow" | awk '$1 != NR' | wc -l),$(tail -n 1 "$dir/follow" | jq -r .state)" "0,0,ended"
is "nothing left" "$(left "$g")" ""

# --------------------------------------------------------------------------------------- it said yes, and then fails
services_of() { status_of "$g" | jq -c '[.services[] | [.name, .pid, .incarnation]]'; }
supervisor_of() { status_of "$g" | jq .supervisor_pid; }
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
"$shmsup" events -f -j "$g" >"$dir/follow" 2>"$dir/follow.err" &
follower=$!
until_true heard '"event":"ready".*"b"'
"$shmsup" restart "$g" plain >/dev/null # so that the numbers differ
before=$(services_of)
n=0
# fails HOW LAST-WORDS STATUS PATTERN: the commands that it ends by, the exit status of the process if it is ours.
fails() {
	local former
	former=$(supervisor_of)
	n=$((n + 1))
	script "$dir/says" <<<"[ \"\$1\" = fits ] && exec $shmsup \"\$@\"; $2"
	"$shmsup" upgrade "$g" "$dir/says" >"$dir/out" 2>&1
	like "$1: the client is told" "$?,$(cat "$dir/out")" "12,shmsup: can't upgrade to $dir/says: it said that it can take the group over, but $4; pid * has the group now"
	until_true gone "$former"
	if [ $n = 1 ]; then
		ended "$pid"
		is "$1: its exit status is the process's" "$status" "$3"
	fi
	pid=$(supervisor_of)
	to_end "$pid"
	is "$1: the guardian has the group, with the program as it was, and its lock" \
		"$([ "$pid" != "$former" ] && readlink "/proc/$pid/exe"),$(cat "$rundir/$g.lock"),$(status_of "$g" | jq -c '[.adoptions, .upgrades]')" "$shmsup,$pid,[$n,0]"
	is "$1: services have run on" "$(services_of)" "$before"
	like "$1: an event" "$(events 'select(.event == "upgrade") | .refused' | tail -n 1)" "\"it said that it can take*$4; pid $pid*"
}
fails "it exits" "exit 77" 77 "ended with exit status 77"
fails "it is killed" "kill -SEGV \$\$" 139 "was killed by SIGSEGV"
fails "it can't read the state" "exec $BUILD/test/shmsup-other \"\$@\"" 15 "ended with exit status 15"
fails "it closes what it was given" "for f in /proc/self/fd/*; do f=\${f##*/}; [ \$f -gt 2 ] && exec {f}>&-; done; exit 3" 3 "ended with exit status 3"
fails "it removes the sockets" "rm $rundir/$g.sock $rundir/$g.notify; exit 4" 4 "ended with exit status 4"
"$shmsup" upgrade "$g" >"$dir/out" 2>&1
is "another that holds its word" "$?,$(cat "$dir/out")" "0,$g: upgraded to $shmsup, supervisor pid $pid"
is "services have run on" "$(services_of)" "$before"
old=$(field "$g" b pid)
kill -9 "$old"
until_true is_replaced "$g" b "$old"
until_true all_ready "$g"
ok 0 "a service dies: it is a supervisor"
before=$(services_of)
# It hangs: nobody supervises until its time is over. Connections last.
script "$dir/says" <<<"[ \"\$1\" = fits ] && exec $shmsup \"\$@\"; kill -STOP \$\$"
former=$pid old=$(field "$g" b pid)
"$shmsup" upgrade "$g" "$dir/says" >"$dir/out" 2>&1 &
waiter=$!
stopped() { grep -q '^State:.T' "/proc/$former/status" 2>/dev/null; }
until_true stopped
kill -9 "$old"
"$shmsup" status -j "$g" >"$dir/patient" 2>&1 &
patient=$!
wait $waiter
like "it hangs: the client is told" "$?,$(cat "$dir/out")" "12,*it said that it can take the group over, but did not take it over within 10 s and was killed; *"
wait $patient
is "it hangs: who asked meanwhile has an answer" "$?" 0
pid=$(supervisor_of)
to_end "$pid"
until_true is_replaced "$g" b "$old"
until_true all_ready "$g"
is "it hangs: a service that died meanwhile is back, the others have run on" \
	"$(services_of | jq -c '[.[] | select(.[0] != "b")]')" "$(jq -c '[.[] | select(.[0] != "b")]' <<<"$before")"
is "one who follows has been connected all the time" "$(kill -0 "$follower" && jq .seq <"$dir/follow" | awk 'NR > 1 && $1 != last + 1 {n++} {last = $1} END {print n + 0}')" 0
# Killed at its system calls, until one comes too late.
before=$(services_of)
bad=0 n=1 step=${STEP:-13} rounds=0
while :; do
	former=$(supervisor_of)
	script "$dir/says" <<<"[ \"\$1\" = fits ] && exec $shmsup \"\$@\"; exec $BUILD/test/sup_at_syscall self $n $shmsup \"\$@\""
	timeout 60 "$shmsup" upgrade "$g" "$dir/says" >"$dir/out" 2>&1
	[ $? = 12 ] || break
	until_true gone "$former"
	pid=$(supervisor_of)
	to_end "$pid"
	if [ "$(services_of),$(grep -c 'was killed by SIGKILL' "$dir/out")" != "$before,1" ]; then
		bad=$((bad + 1))
		printf '# killed at stop %d: %s\n' $n "$(cat "$dir/out"; services_of)"
	fi
	rounds=$((rounds + 1))
	n=$((n + step))
done
is "killed at every ${step}th of its system calls, $rounds times: the guardian has the group" "$bad" 0
is "it was killed many times" "$((rounds > 10))" 1
kill -9 "$pid" # it is still counted
until_true gone "$pid"
start "$g" "$dir/t.yaml" --adopt
last=$pid
own() { [ "$(supervisor_of)" = "$pid" ]; }
until_true own
is "after it had the group: as any supervisor that is killed" "$(services_of)" "$before"
"$shmsup" upgrade "$g" >/dev/null
is "adopted, then upgraded: still not its children" "$?,$(status_of "$g" | jq -c '[.services[].adopted]')" "0,[true,true,true,true]"
# Whoever started the first one may start it again, as s6 does: the guardian gives way to it, nobody else does.
script "$dir/says" <<<"[ \"\$1\" = fits ] && exec $shmsup \"\$@\"; exit 77"
"$shmsup" upgrade "$g" "$dir/says" >/dev/null 2>&1
ended "$last"
guardian=$(supervisor_of)
to_end "$guardian"
start "$g" "$dir/t.yaml"
ended "$pid"
is "run without --adopt: the guardian stays" "$status,$(supervisor_of)" "4,$guardian"
start "$g" "$dir/t.yaml" --adopt
until_true own
until_true gone "$guardian"
is "run --adopt: it has the group from the guardian, services have run on" "$(services_of)" "$before"
"$shmsup" run "$dir/t.yaml" --name "$g" --adopt >"$dir/out" 2>&1
is "a second one has not" "$?,$(supervisor_of)" "4,$pid"
kill -TERM "$pid"
ended "$pid"
is "a signal stops the group" "$status,$(left "$g")" "9,"
wait "$follower"

# The supervisor is killed at any moment of an upgrade: there is a guardian that has the group, or none at all.
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
before=$(services_of)
of_group() { pgrep -f "$shmsup (run|guard|fits) .*--name $g( |\$)" | sort -n | xargs; }
bad=0
for _ in $(seq 30); do
	"$shmsup" upgrade "$g" >/dev/null 2>&1 &
	sleep "$(printf '0.%03d' $((RANDOM % 40)))"
	kill -9 "$pid"
	wait $! "$pid" 2>/dev/null
	start "$g" "$dir/t.yaml" --adopt
	until_true own
	alone() { [ "$(of_group)" = "$pid" ]; }
	until_true alone
	[ "$(services_of)" = "$before" ] || bad=$((bad + 1))
done
is "killed at some moment of 30 upgrades: adopted, services have run on, no guardian is left" "$bad" 0
stop
is "nothing left" "$(left "$g")" ""

# --------------------------------------------------------------------------------------- deaths at the same moment
start "$g" "$dir/t.yaml"
until_true all_ready "$g"
for round in $(seq 20); do
	old=$(field "$g" b pid)
	if [ $((round % 2)) = 0 ]; then
		kill -SEGV "$old" & "$shmsup" upgrade "$g" >/dev/null
	else
		"$shmsup" upgrade "$g" >/dev/null & kill -9 "$old"
	fi
	wait $!
	until_true is_replaced "$g" b "$old"
	until_true all_ready "$g"
done
is "a service dies at each of 20 upgrades: each death has its respawn" "$(status_of "$g" | jq -c '[.upgrades, (.services[] | .respawns)]')" "[20,0,20,0,0]"
is "and how it died is known" "$(events 'select(.event == "death") | .signal' | sort | uniq -c | xargs)" "10 SIGKILL 10 SIGSEGV"
stop

# --------------------------------------------------------------------------------------- a service as another program
cat >"$dir/s.yaml" <<END
group: s
services:
  - {name: from, command: $actor, args: [send, orders, f, f, f, f, f]}
  - {name: it, command: $dir/it, spare: 1}
  - {name: copy, command: $dir/copy, args: [idle]}
channels:
  - {name: orders, kind: mpsc, capacity: 16, message_size: 16, producers: [from], consumers: [it]}
END
script "$dir/it" <<<"exec $actor idle"
cp "$actor" "$dir/copy"
start "$g" "$dir/s.yaml"
queued() { [ "$(field "$g" it depth_in)" = "$1" ]; }
until_true queued 5
script "$dir/it.new" <<<"exec $actor obey orders"
mv "$dir/it.new" "$dir/it"
until_true all_ready "$g"
is "its program is replaced by a rename: what runs goes on" "$(field "$g" it incarnation),$(field "$g" it depth_in)" "1,5"
"$shmsup" restart "$g" it >/dev/null
is "restart: exit status, incarnation" "$?,$(field "$g" it incarnation)" "0,2"
counts() { "$BUILD/bin/shmtool" -j chan show "$g" orders | jq -c '[.enqueued, .done, .dead, .dropped]'; }
all_done() { [ "$(counts)" = "[5,5,0,0]" ]; }
until_true all_done
ok 0 "its queue was kept, and the program that is there now has done all of it"
cp "$actor" "$dir/copy.new" && mv "$dir/copy.new" "$dir/copy"
old=$(stat -Lc %i "/proc/$(field "$g" copy pid)/exe")
"$shmsup" restart "$g" copy >/dev/null
is "a binary: before another file, now that one" "$([ "$old" != "$(stat -c %i "$dir/copy")" ] && stat -Lc %i "/proc/$(field "$g" copy pid)/exe")" "$(stat -c %i "$dir/copy")"
is "none of the others was touched" "$(field "$g" from incarnation)" 1
stop

# --------------------------------------------------------------------------------------- under load
for loop in io_uring poll; do
	export SHMSUP_LOOP=$loop
	start "$g" $topology --set actor="$actor" --set chaos=on --set requests=600000 --report "$dir/r.json"
	until_true status_of "$g" >/dev/null
	n=0 failed=0 program=("$shmsup" "$dir/shmsup-2")
	while kill -0 "$pid" 2>/dev/null && [ $n -lt 20 ]; do
		sleep "$(printf '0.%03d' $((RANDOM % 60)))"
		"$shmsup" upgrade "$g" "${program[n % 2]}" >/dev/null 2>>"$dir/upgrade.err" || failed=$((failed + 1))
		n=$((n + 1))
	done
	is "$loop: upgrades under chaos that did not happen" "$failed" 0
	is "$loop: they were counted" "$(upgrades)" 20
	ended "$pid"
	is "$loop: $n upgrades: exit status" "$status" 0
	is "$loop: every request has its answer, and it was killed all the time" \
		"$(jq -c '[.sent == .answered + .lost, .complete, .balanced, .exit_status, .kills > 20]' "$dir/r.json")" '[true,true,true,0,true]'
	is "$loop: each death but the last of each service has its respawn" \
		"$(jq -c '[.per_service[] | .deaths - .respawns] | unique' "$dir/r.json")" '[1]'
	is "$loop: nothing left" "$(left "$g")" ""
done
unset SHMSUP_LOOP

# --------------------------------------------------------------------------------------- under another supervisor
# As systemd with NotifyAccess=main: only the main process is heard, who begins with being the first.
listen() {
	python3 - "$1" >"$dir/told" <<-'END' &
		import re, socket, struct, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
		s.bind(sys.argv[1])
		print("listens", flush=True)
		main = 0
		while True:
		    text, extra, _, _ = s.recvmsg(4096, 1024)
		    pid = struct.unpack("iII", extra[0][2])[0]
		    text = text.decode()
		    main = main or pid
		    print("" if pid == main else f"from {pid}, not {main}: ", text.replace("\n", "|"), sep="", flush=True)
		    now = re.search("^MAINPID=([0-9]+)$", text, re.M)
		    if pid == main and now:
		        main = int(now[1])
	END
	listener=$!
	to_end "$listener"
	until_true told listens
}
told() { grep -qE "$1" "$dir/told" 2>/dev/null; }
listen "$dir/notify"
script "$dir/outer" <<<"export NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=20000 WATCHDOG_PID=\$\$; exec $shmsup \"\$@\""
"$dir/outer" run "$dir/t.yaml" --name "$g" >/dev/null 2>"$dir/$g.err" &
pid=$!
to_end "$pid"
until_true told READY=1
script "$dir/says" <<<"[ -n \"\$NOTIFY_SOCKET\$WATCHDOG_USEC\" ] && exit 5; $shmsup \"\$@\"; rm \"\$0\""
"$shmsup" upgrade "$g" "$dir/says" >"$dir/out" 2>&1
like "the program that is asked does not speak for the supervisor" "$(cat "$dir/out")" "*: No such file or directory"
"$shmsup" upgrade "$g" >/dev/null
until_true told 'STATUS=4 of 4'
is "reloading and ready are told in turn, also when it stayed what it was" \
	"$(grep -oE '^(READY=1|RELOADING=1\|MONOTONIC_USEC=[0-9])' "$dir/told" | sed 's/.MONO.*/+time/' | xargs)" "READY=1 RELOADING=1+time READY=1 RELOADING=1+time READY=1"
is "each time the guardian is the main process meanwhile" "$(grep -oE '^(READY|RELOADING|MAINPID)=[0-9]+' "$dir/told" | sed "s/=$pid/=it/; s/PID=[0-9].*/PID=guardian/" | xargs)" \
	"READY=1 RELOADING=1 MAINPID=guardian MAINPID=it READY=1 RELOADING=1 MAINPID=guardian MAINPID=it READY=1"
seen=$(grep -c ^WATCHDOG "$dir/told")
more() { [ "$(grep -c ^WATCHDOG "$dir/told")" -gt $((seen + 3)) ]; }
until_true more
ok 0 "the watchdog is fed on"
former=$pid
script "$dir/says" <<<"[ \"\$1\" = fits ] && exec $shmsup \"\$@\"; kill -STOP \$\$"
"$shmsup" upgrade "$g" "$dir/says" >"$dir/out" 2>&1 &
waiter=$!
until_true stopped
seen=$(grep -c ^WATCHDOG "$dir/told")
until_true more
ok 0 "it hangs: the guardian feeds the watchdog"
kill -9 "$former"
wait $waiter
like "the client is told" "$?,$(cat "$dir/out")" "12,*was killed by SIGKILL; *"
pid=$(supervisor_of)
to_end "$pid"
ready_again() { [ "$(grep -oE '^(READY|RELOADING|MAINPID)=[0-9]+' "$dir/told" | tail -n 1)" = READY=1 ]; }
until_true ready_again
is "it fails: the guardian is the main process, and the group is ready again" \
	"$(grep -oE '^(READY|RELOADING|MAINPID)=[0-9]+' "$dir/told" | tail -n 4 | xargs)" "RELOADING=1 MAINPID=$pid MAINPID=$pid READY=1"
seen=$(grep -c ^WATCHDOG "$dir/told")
until_true more
ok 0 "and feeds the watchdog"
is "nobody else was heard, or said more than that it lives" "$(grep '^from' "$dir/told" | grep -vc ': WATCHDOG=1$')" 0
"$shmsup" stop "$g" >/dev/null
until_true told STOPPING=1
until_true gone "$pid"
is "stopped" "$(left "$g")" ""
kill "$listener"
if unshare --pid --fork --mount-proc true 2>/dev/null; then
	unshare --pid --fork --mount-proc "$shmsup" run "$dir/t.yaml" --name "$g" >"$dir/one.out" 2>"$dir/one.err" &
	unshared=$!
	to_end "$unshared"
	until_true all_ready "$g"
	init=$(pgrep -P "$unshared")
	to_end "$init"
	is "process 1: upgrade" "$("$shmsup" upgrade "$g")" "$g: upgraded to $shmsup, supervisor pid 1"
	"$shmsup" kill "$g" b >/dev/null
	again() { [ "$(field "$g" b incarnation)" = 2 ] && in_state "$g" b ready; }
	until_true again
	kill -TERM "$init"
	ended "$unshared"
	is "process 1: exit status after SIGTERM" "$status,$(left "$g")" "9,"
else
	ok 0 "process 1 # SKIP no namespace of processes can be made here"
fi
