#!/bin/bash
# The full screen, in a terminal of tmux: what it shows, its keys, other sizes, and its end.
. "$(dirname "$0")/tap.sh"
G=top-test-$$
n=100

# The test's own server, without anybody's configuration.
term() { tmux -L "$G" -f /dev/null "$@"; }
screen() { term capture-pane -p -t top >"$work/out" 2>"$work/err"; }
# shows WORD: the screen comes to show it; gives up after a minute.
shows() {
	for _ in $(seq 600); do
		screen && grep -qE -- "$1" "$work/out" && return
		sleep 0.1
	done
	return 1
}
hides() {
	for _ in $(seq 600); do
		screen && ! grep -qE -- "$1" "$work/out" && return
		sleep 0.1
	done
	return 1
}
command="LC_ALL=C.UTF-8 $shmtool top $G --interval 0.1; echo exit status \$?; exec sleep 1000"
key() { term send-keys -t top "$@"; }
# shellcheck disable=SC2317  # called by the trap
leave() {
	term kill-server 2>/dev/null
	finish
}
trap leave EXIT

begin $G $n
tool top $G </dev/null
if "$shmtool" -j version | jq -e '.top | not' >/dev/null; then
	check 'built without a screen it says so' refused 1 'built without'
	plan
	exit
fi
check 'without a terminal' refused 1 'needs a terminal'
tool -j top $G
check 'no JSON' refused 2 'has no JSON'
tool top $G --interval 0
check 'no interval' refused 2 "interval '0'"

# Where there are no pseudo-terminals, tmux can't start anything.
if command -v tmux >/dev/null && term new-session -d -s probe 'read -r _'; then
	term kill-session -t probe
	say start
	say flow
	say hold
	say fill
	term new-session -d -s top -x 80 -y 24 "$command"
	check 'the group' shows "^$G  services 1/2  respawns 3  dead letters 1  by load"
	check 'the full channel is first' is "$(sed -n '3s/ .*//p' "$work/out")" work
	check 'its bar is full' grep -qE '^work +########## +8 +8 +0 +0 +0 ' "$work/out"
	check 'an empty one' grep -qE '^idle +\.{10} +0 +1 +0 ' "$work/out"
	check 'services' grep -qE '^producer +[0-9]+ +running .* 2 ' "$work/out"
	check 'and who is not there' grep -qE '^consumer +- +free ' "$work/out"
	check 'nothing is wider than the terminal' test "$(LC_ALL=C.UTF-8 wc -L <"$work/out")" -le 80
	key s
	check 'sorting by rate' shows '  by rate'
	key s s
	check 'sorting by name' shows '  by name'
	check 'by name' is "$(sed -n '3,5s/ .*//p' "$work/out" | tr '\n' ' ')" 'back idle work '
	key / i d
	check 'filtering' shows 'name contains: id_'
	check 'hides the others' hides '^work '
	key Escape
	check 'escape shows all' shows '^work '
	key h
	check 'help' shows 'choose a service'
	key x
	check 'and back' shows '^work '
	key Down k
	check 'killing asks first' shows 'kill consumer with SIGKILL\? y/n'
	key n
	check 'no is no' shows 'q quit'
	key k y
	check 'yes asks the supervisor, which this group has not' shows 'cannot kill consumer'
	for size in '40 10' '20 5' '132 50' '80 24'; do
		# shellcheck disable=SC2086  # two words
		set -- $size
		term resize-window -t top -x "$1" -y "$2"
		check "at $1x$2" shows "^${G:0:10}"
	done
	check 'the whole screen is back' shows '^consumer '
	key q
	check 'q ends it' shows 'exit status 0'

	# A group under shmsup, at work: what moves, moves, and killing kills.
	sup_begin "$G-sup" "$(dirname "$0")/../supervisor/echo.yaml" --set actor="$(realpath "$BUILD/test/sup_actor")" --set requests=1000000000
	probes=$("$shmtool" probe show "$G-sup" --seconds 0.01 >/dev/null 2>&1 && echo --probes)
	term respawn-pane -k -t top "LC_ALL=C.UTF-8 $shmtool top $G-sup --interval 0.1 $probes; echo exit status \$?; exec sleep 1000"
	check 'rates' shows '^answers .* [0-9.]+[kM]? +[0-9.]+[kM]? '
	check 'processor time' shows '^feed +[0-9]+ +running +[1-9]'
	check 'the trend' shows '^answers .* [▁▂▃▄▅▆▇█]{2,}'
	if [ -n "$probes" ]; then
		check 'waiting times' shows '^answers .* [0-9.]+(ns|us|ms|s) +[0-9.]+(ns|us|ms|s) '
	else
		check 'waiting times # SKIP no probes here' true
	fi
	victim=$("$shmsup" status -j "$G-sup" | jq '.services[0].pid')
	key k
	check 'it asks' shows 'kill echo-1 with SIGKILL\? y/n'
	key y
	check 'and kills' shows "killed echo-1, pid $victim"
	check 'the process is gone' soon test ! -e "/proc/$victim/exe"
	check 'and another is there' shows '^echo-1 +[0-9]+ +running +[0-9.]+ +[0-9.]+[KM] +1 '
	key q
	check 'which ends' shows 'exit status 0'
	sup_end

	term respawn-pane -k -t top "$command"
	check 'again' shows '^work '
	end
	check 'it ends with the group' shows "shmtool: group '$G' has ended"
else
	echo "top.sh: no tmux, or no pseudo-terminal for it: the screen is not tested" >&2
	check 'the screen is tested where CI is set' test "${CI:-}" != true
	end
fi
plan
