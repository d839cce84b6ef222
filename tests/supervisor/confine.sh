#!/bin/bash
# Services with less than the supervisor has: users, groups, capabilities, filters, limits; what they can't reach.
# shellcheck source-path=SCRIPTDIR disable=SC2016 # ${...} of topologies
. "$(dirname "$0")/lib.sh"

if [ "$(id -u)" != 0 ]; then
	cat >"$dir/t.yaml" <<-END
		group: g
		services: [{name: a, command: sleep, args: ["0"], user: nobody}]
	END
	out=$("$shmsup" run "$dir/t.yaml" 2>&1)
	is "a user without root: exit status" $? 5
	like "a user without root: message" "$out" "shmsup: service 'a': 'user' needs a supervisor that is root*"
	exit 0
fi
# Where another user finds the programs, whatever the checkout allows.
chmod 711 "$dir"
mkdir -m 755 "$dir/bin"
install -m 755 "$actor" "$dir/bin/actor"
install -m 755 "$shmsup" "$dir/bin/shmsup"
shmsup=$dir/bin/shmsup

# once KEYS: one service (\n and four spaces between keys) that prints what it is and ends; what it printed.
once() {
	sed "s/@KEYS/$1/" >"$dir/once.yaml" <<-END
		group: $base-once
		services:
		  - name: a
		    command: /bin/sh
		    args: [-c, "cat /proc/self/status; echo limits \$(ulimit -n):\$(ulimit -H -n) \$(ulimit -d); echo nice \$(nice); echo fds \$SHMCHAN_FDS; ls -l /proc/self/fd"]
		    ready: spawn
		    restart: never
		    @KEYS
		  - {name: b, command: "true", ready: spawn, restart: never}
		channels:
		  - {name: own, kind: spsc, message_size: 8, producers: [a], consumers: [b]}
		  - {name: foreign, kind: spsc, message_size: 8, producers: [b], consumers: [b]}
		pools:
		  - {name: blocks, block_size: 64, block_count: 2, users: [a]}
	END
	"$shmsup" run "$dir/once.yaml" 2>&1
}
# proc NAME TEXT: of /proc/PID/status, spaces as one.
proc() { awk -v f="$1:" '$1 == f {$1 = ""; print substr($0, 2)}' <<<"$2"; }

out=$(once "user: nobody")
is "user: uids" "$(proc Uid "$out")" "65534 65534 65534 65534"
is "user: gids" "$(proc Gid "$out")" "65534 65534 65534 65534"
is "user: groups" "$(proc Groups "$out" | tr -d ' ')" "65534"
is "user: no capability is effective" "$(proc CapEff "$out")" 0000000000000000
is "user: none can come back" "$(proc CapBnd "$out")" 0000000000000000
is "user: no new privileges" "$(proc NoNewPrivs "$out")" 1
is "user: filtered" "$(proc Seccomp "$out")" 2
like "user: its own segments are passed" "$out" "*fds :3,own:4,blocks:5"$'\n'"*"
like "user: and no others" "$out" "*shmchan.$base-once.blocks*"
is "user: a channel of others is not" "$(grep -c "shmchan.$base-once.foreign" <<<"$out")" 0

out=$(once "user: 54321")
is "a user that is only a number: uids" "$(proc Uid "$out")" "54321 54321 54321 54321"
is "a user that is only a number: groups" "$(proc Gid "$out") $(proc Groups "$out" | tr -d ' ')" "54321 54321 54321 54321 "
out=$(once 'user: nobody\n    groups: ["7", "9"]\n    capabilities: [net_raw, cap_chown]\n    seccomp: "off"')
is "groups: primary" "$(proc Gid "$out")" "7 7 7 7"
is "groups: all" "$(proc Groups "$out" | xargs)" "7 9"
is "capabilities: effective" "$(proc CapEff "$out")" 0000000000002001
is "capabilities: nothing more can come" "$(proc CapBnd "$out")" 0000000000002001
is "seccomp off" "$(proc Seccomp "$out")" 0
out=$(once 'capabilities: [chown]')
is "root with one capability" "$(proc Uid "$out" | cut -d' ' -f1) $(proc CapEff "$out")" "0 0000000000000001"
out=$(once 'capabilities: []')
is "root with none" "$(proc Uid "$out" | cut -d' ' -f1) $(proc CapEff "$out")" "0 0000000000000000"
cpu=$(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')
out=$(once "cpus: \"$cpu\"\n    nice: 7\n    memory_limit: 64M\n    rlimits: {nofile: \"100:200\"}")
is "cpus" "$(proc Cpus_allowed_list "$out")" "$cpu"
like "nice" "$out" "*"$'\n'"nice 7"$'\n'"*"
like "limits" "$out" "*"$'\n'"limits 100:200 65536"$'\n'"*"
is "limits alone take no privileges" "$(proc NoNewPrivs "$out")" 0
cat >"$dir/memory.yaml" <<END
group: $base-memory
services:
  - name: a
    command: /bin/sh
    args: [-c, "head -c 100000000 /dev/zero | tail -c 90000000 | wc -c"]
    memory_limit: 32M
    ready: spawn
    restart: never
END
like "memory beyond the limit is refused" "$("$shmsup" run "$dir/memory.yaml" 2>&1)" "*memory exhausted*"
like "a processor that is not here" "$(once 'cpus: "1023"\n    max_deaths: 1')" "*can't start service 'a' from /bin/sh: can't set its processors and nice value: Invalid argument*"

# two users, each with its own channels: what one can do to the other's
cat >"$dir/two.yaml" <<END
group: $base-two
services:
  - {name: mine, command: $dir/bin/actor, args: [idle], user: nobody}
  - {name: theirs, command: $dir/bin/actor, args: [idle], user: 54321}
channels:
  - {name: a, kind: spsc, message_size: 8, producers: [mine], consumers: [mine]}
  - {name: b, kind: spsc, message_size: 8, producers: [theirs], consumers: [theirs]}
pools:
  - {name: p, block_size: 64, block_count: 2, users: [theirs]}
END
start "$base-two" "$dir/two.yaml"
run=$pid
until_true all_ready "$base-two"
theirs=$(field "$base-two" theirs pid)
is "every segment is the supervisor's, 0600" "$(stat -c '%a %u' /dev/shm/shmchan."$base"-two* | sort -u)" "600 0"
as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@" 2>&1; }
for object in "" .a .b .p; do
	like "no user can open shmchan.GROUP$object" "$(as_nobody head -c 1 "/dev/shm/shmchan.$base-two$object")" "*Permission denied"
done
like "nor by the descriptors of the other" "$(as_nobody head -c 1 "/proc/$theirs/fd/4")" "*Permission denied"
like "nor by its memory" "$(as_nobody head -c 1 "/proc/$theirs/mem")" "*Permission denied"
like "nor can it send a signal to it" "$(as_nobody kill -9 "$theirs")" "*Operation not permitted*"
is "the other maps its own channel and pool, and the control segment" \
	"$(ls -l "/proc/$theirs/fd" | grep -o "shmchan.$base-two.*" | sort | xargs)" "shmchan.$base-two shmchan.$base-two.b shmchan.$base-two.p"
"$shmsup" stop "$base-two" >/dev/null 2>&1
ended "$run"
is "stopped" "$status" 0

if grep -q __asan_init "$actor"; then
	ok 0 "filters # SKIP a sanitizer in the service makes calls that no service makes"
	exit 0
fi
# messages through channels whose ends are different users, under each filter, while the services are killed
for level in "default" strict; do
	sed -E "s/^group: .*/group: $base-$level/
		s/^( +)command: .*/&\n\1user: 54321\n\1seccomp: $level/
		0,/user: 54321/s//user: nobody/
		s/ chaos: off/ chaos: on/" tests/supervisor/echo.yaml >"$dir/echo.yaml"
	out=$("$shmsup" run "$dir/echo.yaml" --set actor="$dir/bin/actor" --set requests=200000 --report "$dir/report.json" 2>"$dir/err")
	is "$level: a job between users under kills balances" $? 0
	is "$level: there were kills" "$(jq '.kills > 0' "$dir/report.json")" true
	is "$level: no call was refused with SIGSYS" "$(grep -c SIGSYS "$dir/err")" 0
done

# what the filters refuse: the actor tries, and says what came of it
# tries LEVEL: name of the call -> what it said, one a line
tries() {
	cat >"$dir/tries.yaml" <<-END
		group: $base-tries
		services: [{name: a, command: $dir/bin/actor, args: [tries, "$2"], user: nobody, seccomp: $1, restart: never, max_deaths: 1}]
	END
	"$shmsup" run "$dir/tries.yaml" 2>&1
}
for call in mount unshare ptrace bpf keyctl clock_settime module reboot chroot tiocsti clone_newuser process_vm_readv; do
	like "default refuses $call" "$(tries default $call)" "*$call: Operation not permitted*"
done
for call in fork execve inet create uring thread; do
	like "default allows $call" "$(tries default $call)" "*$call: ok*"
done
for call in mount fork execve inet create uring; do
	like "strict kills at $call" "$(tries strict $call)" "*was killed by SIGSYS*"
done
like "strict allows threads" "$(tries strict thread)" "*thread: ok*"
is "nothing left" "$(left "$base-")" ""
