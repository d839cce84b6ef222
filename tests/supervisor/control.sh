#!/bin/bash
# A group seen and moved from outside: status, kill, restart, stop; the control socket under bad and slow clients.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-c
cat >"$dir/t.yaml" <<EOF
group: t
services:
  - {name: db, command: $actor, args: [idle]}
  - {name: worker, replicas: 2, command: $actor, args: [idle], depends_on: [db]}
  - {name: plain, command: sleep, args: ["1000"], ready: spawn, depends_on: [worker]}
  - {name: talker, command: $actor, args: [says, "all is well"], depends_on: [db]}
EOF

# talk TEXT...: what the socket answers; one line of TEXT each.
talk() { printf '%s\n' "$@" | timeout 10 python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
lines = sys.stdin.read().splitlines()
f = s.makefile("r")
for line in lines:
    s.sendall(line.encode() + b"\n")
    print(f.readline().rstrip("\n"))
' "$rundir/$g.sock"; }

for loop in io_uring poll; do
	export SHMSUP_LOOP=$loop
	start "$g" "$dir/t.yaml"
	until_true all_ready "$g"
	is "$loop: status -j is one line" "$(status_of "$g" | wc -l)" 1
	is "$loop: status -j: group, supervisor" "$(status_of "$g" | jq -c '[.group, .supervisor_pid]')" "[\"$g\",$pid]"
	is "$loop: status -j: services" \
		"$(status_of "$g" | jq -c '.services | map([.name, .incarnation, .state, .respawns])')" \
		'[["db",1,"ready",0],["worker-1",1,"ready",0],["worker-2",1,"ready",0],["plain",1,"ready",0],["talker",1,"ready",0]]'
	is "$loop: every pid is a child of the supervisor" \
		"$(status_of "$g" | jq -r '.services[].pid' | while read -r p; do ps -o ppid= -p "$p"; done | sort -u | tr -d ' ')" "$pid"
	is "$loop: each in a process group of its own" \
		"$(status_of "$g" | jq -r '.services[].pid' | while read -r p; do [ "$(ps -o pgid= -p "$p" | tr -d ' ')" = "$p" ] || echo "$p"; done)" ""
	table=$("$shmsup" status "$g")
	is "$loop: status is a table, one line per service" "$(printf '%s\n' "$table" | wc -l)" 7
	like "$loop: the table names the supervisor" "$table" "group $g, supervisor pid $pid, running*"
	status_heard() { [ "$(field "$g" talker status)" = "all is well" ]; }
	until_true status_heard
	like "$loop: STATUS= is shown" "$("$shmsup" status "$g")" "*talker*says: all is well*"
	is "$loop: the socket is the user's alone" "$(stat -c '%a' "$rundir/$g.sock")" 600
	is "$loop: segments are the user's alone" "$(stat -c '%a' "/dev/shm/shmchan.$g"* | sort -u)" 600

	old=$(field "$g" db pid)
	out=$("$shmsup" kill "$g" db)
	is "$loop: kill: exit status" $? 0
	is "$loop: kill: says what it did" "$out" "$g: db got SIGKILL, pid $old"
	until_true is_replaced "$g" db "$old"
	until_true in_state "$g" db ready
	is "$loop: killed: next incarnation" "$(field "$g" db incarnation),$(field "$g" db respawns)" "2,1"
	is "$loop: killed: how it died" "$(field "$g" db last)" "was killed by SIGKILL"
	is "$loop: the others did not notice" "$(field "$g" worker-1 incarnation)" 1
	old=$(field "$g" worker-1 pid)
	"$shmsup" kill "$g" worker-1 --signal abrt >/dev/null
	until_true is_replaced "$g" worker-1 "$old"
	like "$loop: kill --signal" "$(field "$g" worker-1 last)" "was killed by SIGABRT*"
	old=$(field "$g" worker-2 pid)
	kill -9 "$old"
	until_true is_replaced "$g" worker-2 "$old"
	like "$loop: a death that nobody asked for is told" "$(cat "$dir/$g.err")" \
		"shmsup: $g: worker-2 (pid $old, incarnation 1) was killed by SIGKILL; 0 dead letters*started again as pid *"
	old=$(field "$g" db pid)
	"$shmsup" kill "$g" db --signal STOP >/dev/null
	out=$("$shmsup" restart "$g" db)
	is "$loop: restart (of a stopped process): exit status" $? 0
	new=$(field "$g" db pid)
	is "$loop: restart returns with the new one ready" "$out,$(field "$g" db state)" "$g: db restarted, pid $new,ready"
	is "$loop: restart: the old one is gone" "$(gone "$old" && echo gone)" gone
	"$shmsup" restart "$g" plain >/dev/null
	is "$loop: restart of one that ends by SIGTERM" "$?,$(field "$g" plain incarnation)" "0,2"

	out=$("$shmsup" kill "$g" nobody 2>&1)
	is "$loop: kill of no service: exit status" $? 12
	is "$loop: kill of no service: message" "$out" \
		"shmsup: group '$g' has no service 'nobody'; it has: db, worker-1, worker-2, plain, talker"
	"$shmsup" restart "$g" worker >/dev/null 2>&1
	is "$loop: restart of no service: exit status" $? 12

	out=$(talk 'nonsense' '[]' '{}' '{"verb": "fly"}' '{"verb": "kill"}' '{"verb":"kill","service":"db","signal":999}' '{"verb":"kill","service":["db"]}' \
		'{"verb":"restart","service":7}' '{"verb":"status"}')
	is "$loop: each bad request is answered, and the good one after them" "$(printf '%s\n' "$out" | jq -c .ok | tr '\n' ' ')" \
		"false false false false false false false false true "
	is "$loop: a request of 1 MB is refused" "$(head -c 1000000 /dev/zero | tr '\0' x | timeout 10 python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(sys.stdin.buffer.read())
except OSError:
    pass
print(s.recv(100).decode().strip())
' "$rundir/$g.sock")" '{"ok":false,"error":"a request is longer than 4096 bytes"}'
	like "$loop: 40 clients that say nothing, and 5,000 requests that nobody reads" "$(timeout 60 python3 -c '
import socket, subprocess, sys
held = []
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    held.append(s)
    return s
s = connect()
s.setblocking(False)
try:
    for i in range(5000):
        s.send(b"{\"verb\":\"status\"}\n" * 100)
except OSError:
    pass
late = socket.socket(socket.AF_UNIX)
late.connect(sys.argv[1])
late.sendall(b"{\"verb\":\"status\"}\n")
print("answered" if late.recv(20) else "refused")
for i in range(40):
    connect()
print(held[-1].recv(100).decode().strip())
' "$rundir/$g.sock")" 'answered*"too many clients"*'
	is "$loop: the supervisor is as before" "$(until_true all_ready "$g" && echo yes)" yes

	"$shmsup" stop "$g" >"$dir/out"
	is "$loop: stop: exit status" $? 0
	is "$loop: stop has returned: nothing is left" "$(left "$g")" ""
	ended "$pid"
	is "$loop: run of a group without a job that is stopped: exit status" "$status" 0
done
