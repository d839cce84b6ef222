#!/bin/bash
# What happened, as events; services started, stopped and signalled one by one.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-e
cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: db, command: $actor, args: [idle]}
  - {name: worker, command: $actor, args: [idle], depends_on: [db]}
  - {name: last, command: $actor, args: [idle], depends_on: [worker]}
EOF
# events FILTER: of the kept ones, one per line.
events() { "$shmsup" events -j "$g" | jq -c "$1"; }
heard() { grep -q "$1" "$dir/follow"; }

start "$g" "$dir/t.yaml"
until_true all_ready "$g"
"$shmsup" events -f -j "$g" >"$dir/follow" 2>"$dir/follow.err" &
follower=$!
until_true heard '"event":"ready".*' # the kept ones come first
old=$(field "$g" db pid)
kill -SEGV "$old"
until_true is_replaced "$g" db "$old"
until_true all_ready "$g"
until_true heard '"service":"db".*"incarnation":2'
is "events have numbers without a gap" "$(events .seq | awk '$1 != NR' | wc -l)" 0
is "a death, in its order" "$(events 'select(.service == "db" and .seq > 7) | [.event, .incarnation, .signal // ""]' | tr '\n' ' ')" \
	'["death",1,"SIGSEGV"] ["recovery",1,""] ["respawn",2,""] ["ready",2,""] '
is "a recovery says what was repaired" "$(events 'select(.event == "recovery") | [.dead_letters, .blocks, .aborted, (.us > 0)]')" '[0,0,0,true]'
like "as text" "$("$shmsup" events "$g")" "*death     db pid=$old incarnation=1*was killed by SIGSEGV*"

out=$("$shmsup" stop "$g" worker)
is "stop of one service: exit status, words" "$?,$out" "0,$g: worker stopped"
is "stop of one service: the others run" "$(status_of "$g" | jq -c '[.services[].state]')" '["ready","stopped","ready"]'
out=$("$shmsup" start "$g" worker)
is "start of one service: it is ready" "$?,$out,$(field "$g" worker state)" "0,$g: worker started, pid $(field "$g" worker pid),ready"
out=$("$shmsup" start "$g" worker)
is "start of one that runs: nothing" "$?,$(field "$g" worker incarnation)" "0,2"
for s in last worker db; do "$shmsup" stop "$g" $s >/dev/null; done
is "all are stopped by hand: the group is there" "$(status_of "$g" | jq -c '[.state, .services[].state]')" '["running","stopped","stopped","stopped"]'
"$shmsup" start "$g" last >/dev/null
is "start brings what it depends on along" "$?,$(status_of "$g" | jq -c '[.services[].state]')" '0,["ready","ready","ready"]'
"$shmsup" stop "$g" db >/dev/null
"$shmsup" stop "$g" last >/dev/null
"$shmsup" start "$g" >/dev/null
is "start of all" "$?,$(status_of "$g" | jq -c '[.services[].state]')" '0,["ready","ready","ready"]'
old=$(field "$g" last pid)
"$shmsup" signal "$g" last ABRT >/dev/null
is "signal: exit status" $? 0
until_true is_replaced "$g" last "$old"
like "signal: it got it" "$(field "$g" last last)" "was killed by SIGABRT*"
"$shmsup" signal "$g" last NONE >/dev/null 2>"$dir/err"
is "signal: not a signal" "$?,$(cat "$dir/err")" "2,shmsup: signal: 'NONE' is not a signal; usage: shmsup signal GROUP SERVICE SIGNAL"
"$shmsup" start "$g" nobody >/dev/null 2>&1
is "start of no service" $? 12

# Without the folders of processes in /proc: of one whose early death could not be watched none is held.
fds() { find "/proc/$pid/fd" -mindepth 1 ! -lname '/proc/[0-9]*' 2>/dev/null | wc -l; }
before=$(fds)
timeout 120 python3 - "$rundir/$g.sock" "$shmsup" "$g" >"$dir/out" <<'EOF'
import socket, subprocess, sys
path, shmsup, group = sys.argv[1:]
held = []
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    s.connect(path)
    held.append(s)
    return s
refused = 0
for i in range(20):
    s = connect()
    s.sendall(b'{"verb":"events","follow":true}\n')
    refused += b'follow the events already' in s.recv(100)
print(refused)
# status still works, and nobody is held up by the 15 that do not read
for i in range(40):
    subprocess.run([shmsup, "kill", group, "worker"], stdout=subprocess.DEVNULL, check=True)
    while True:
        r = subprocess.run([shmsup, "start", group, "worker"], stdout=subprocess.DEVNULL)
        if r.returncode == 0:
            break
print("alive")
EOF
is "followers leave room for others; those that do not read hold nobody up" "$(tr '\n' ' ' <"$dir/out")" "5 alive "
same_fds() { [ "$(fds)" = "$before" ]; }
until_true same_fds
ok 0 "they leave no descriptor behind"
"$shmsup" stop "$g" >/dev/null
wait $follower
is "a follower ends with the group" "$?,$(cat "$dir/follow.err")" "0,"
is "the last event is the end" "$(tail -n 1 "$dir/follow" | jq -c '[.event, .state]')" '["group","ended"]'
is "the follower missed none" "$(jq .seq <"$dir/follow" | awk '$1 != NR' | wc -l)" 0
ended "$pid"

start "$g" "$dir/t.yaml"
until_true all_ready "$g"
"$shmsup" events -f "$g" >"$dir/follow" 2>"$dir/follow.err" &
follower=$!
until_true heard ready
kill -9 "$pid"
wait $follower
is "the supervisor is killed: the follower says so" "$?" 13
ended "$pid"
