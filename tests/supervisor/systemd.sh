#!/bin/bash
# Under another supervisor: sd_notify to NOTIFY_SOCKET, the unit, process 1 of a container.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

told() { grep -qE "$1" "$dir/told" 2>/dev/null; }
# What shmsup tells, a line for each message, fields separated by a bar. With a second argument it reads nothing before
# somebody has written to that pipe.
listen() {
	python3 - "$@" >"$dir/told" <<-'END' &
		import os, socket, sys
		s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
		name = sys.argv[1]
		s.bind("\0" + name[1:] if name[0] == "@" else name)
		print("listens", flush=True)
		if len(sys.argv) > 2:
		    open(sys.argv[2]).read()
		while True:
		    print(s.recv(4096).decode().replace("\n", "|"), flush=True)
	END
	listener=$!
	to_end "$listener"
	until_true told listens
}
cat >"$dir/two.yaml" <<END
group: two
services:
  - {name: first, command: $actor, args: [idle]}
  - {name: second, command: $actor, args: [late, "2"], depends_on: [first]}
END

for socket in "$dir/notify" "@$base-notify"; do
	listen "$socket"
	NOTIFY_SOCKET=$socket WATCHDOG_USEC=20000 start "$base-tell" "$dir/two.yaml"
	until_true told READY=1
	is "${socket:0:1}: ready is told once all services are" "$(all_ready "$base-tell" && echo yes)" yes
	until_true told '^WATCHDOG=1'
	until_true told 'STATUS=2 of 2 services ready'
	service=$(field "$base-tell" first pid)
	is "${socket:0:1}: services have a notify socket of the group's" \
		"$(tr '\0' '\n' <"/proc/$service/environ" | grep -E '^(NOTIFY_SOCKET|WATCHDOG_)')" "NOTIFY_SOCKET=$rundir/$base-tell.notify"
	"$shmsup" kill "$base-tell" first >/dev/null
	until_true is_replaced "$base-tell" first "$service"
	until_true told 'STATUS=2 of 2 services ready, 2 respawns'
	kill "$pid"
	ended "$pid"
	is "${socket:0:1}: exit status after SIGTERM" "$status" 9
	until_true told STOPPING=1
	is "${socket:0:1}: ready is told once" "$(grep -c READY=1 "$dir/told")" 1
	is "${socket:0:1}: stopping is told once" "$(grep -c STOPPING=1 "$dir/told")" 1
	like "${socket:0:1}: watchdog before ready" "$(grep -m2 -nE 'WATCHDOG|READY' "$dir/told" | head -1)" "*WATCHDOG*"
	kill "$listener"
	wait "$listener" 2>/dev/null
done
# Each of a chain changes the status: more messages than the socket holds while nobody reads.
{
	printf 'group: chain\nservices:\n  - {name: s0, command: %s, args: [idle]}\n' "$actor"
	for i in $(seq "$(($(cat /proc/sys/net/unix/max_dgram_qlen) + 5))"); do
		echo "  - {name: s$i, command: $actor, args: [idle], depends_on: [s$((i - 1))]}"
	done
} >"$dir/chain.yaml"
mkfifo "$dir/gate"
listen "$dir/slow" "$dir/gate"
NOTIFY_SOCKET=$dir/slow start "$base-tell" "$dir/chain.yaml"
until_true all_ready "$base-tell"
echo >"$dir/gate"
until_true told READY=1
is "a listener that is slow: ready is told, once" "$(grep -c READY=1 "$dir/told")" 1
"$shmsup" stop "$base-tell" >/dev/null
ended "$pid"
until_true told STOPPING=1
kill "$listener"
wait "$listener" 2>/dev/null
NOTIFY_SOCKET=$dir/nobody start "$base-tell" "$dir/two.yaml"
until_true all_ready "$base-tell"
"$shmsup" stop "$base-tell" >/dev/null
ended "$pid"
is "a socket that nobody listens at: exit status" "$status" 0

# The unit, as installed.
mkdir -p "$dir/bin"
ln -s "$shmsup" "$dir/bin/shmsup"
sed "s|@PREFIX@|$dir|" supervisor/shmsup@.service.in >"$dir/shmsup@.service"
if command -v systemd-analyze >/dev/null; then
	out=$(systemd-analyze verify --man=no "$dir/shmsup@.service" 2>&1)
	is "unit: systemd-analyze verify" "$?: $out" "0: "
else
	ok 0 "unit: systemd-analyze verify # SKIP systemd-analyze is not installed"
fi
line=$(sed -n "s|^ExecStart=$dir/bin/shmsup ||p" "$dir/shmsup@.service")
for word in $line; do
	case $word in
	--*) is "unit: $word is an option of run" "$("$shmsup" help | grep -A1 'shmsup run ' | grep -c -- "$word")" 1 ;;
	esac
done

# Process 1 of a namespace of processes: orphans are reaped, SIGTERM stops in order, all are gone with it.
if unshare --pid --fork --mount-proc true 2>/dev/null; then
	cat >"$dir/orphans.sh" <<-END
		#!/bin/sh
		for i in 1 2 3 4 5; do (setsid sh -c 'exit 3' &); done
		(setsid sleep 1000 &)
		exec $actor idle
	END
	chmod 755 "$dir/orphans.sh"
	cat >"$dir/one.yaml" <<-END
		group: one
		services:
		  - {name: a, command: $dir/orphans.sh}
		  - {name: b, command: $actor, args: [idle], depends_on: [a]}
	END
	unshare --pid --fork --mount-proc "$shmsup" run "$dir/one.yaml" --name "$base-one" >"$dir/one.out" 2>"$dir/one.err" &
	unshared=$!
	to_end "$unshared"
	until_true all_ready "$base-one"
	init=$(pgrep -P "$unshared")
	to_end "$init"
	is "process 1: it is" "$(awk '$1 == "NSpid:" {print $NF}' "/proc/$init/status")" 1
	# Each orphan of orphans.sh has become a child of process 1 and has been waited for: what is left lives.
	no_zombies() { ! ps -o stat= --ppid "$init" | grep -q Z; }
	until_true no_zombies
	is "process 1: an orphan that lives is its child" "$(ps -o args= --ppid "$init" | grep -c '^sleep 1000')" 1
	"$shmsup" kill "$base-one" b >/dev/null
	until_true all_ready "$base-one"
	kill -TERM "$init"
	ended "$unshared"
	is "process 1: exit status after SIGTERM" "$status" 9
	is "process 1: stopped in order, no SIGKILL" "$(grep -c 'it is killed' "$dir/one.err")" 0
else
	ok 0 "process 1 # SKIP no namespace of processes can be made here"
fi
is "nothing left" "$(left "$base-*")" ""
