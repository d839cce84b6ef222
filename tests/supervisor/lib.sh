# shellcheck shell=bash disable=SC2034 # variables are for the scripts
# Sourced by the scripts beside it: TAP, a folder of its own, groups that end with the script.
set -u
shopt -s lastpipe # a check at the end of a pipe counts in this shell
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
shmsup=$BUILD/bin/shmsup actor=$BUILD/test/sup_actor
# Built with asan, a process would report the signal that ends it, and exit.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0"
dir=$(mktemp -d)
base=t$$
tests=0
pids=()
declare -A since
if [ "$(id -u)" = 0 ]; then rundir=/run/shmchan; elif [ -d "${XDG_RUNTIME_DIR:-/nonexistent}" ]; then
	rundir=$XDG_RUNTIME_DIR/shmchan
else
	rundir=/tmp/shmchan-$(id -u)
fi

started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
# to_end PID...: ends with the script, if not before. Its number may be another's by then, but not with the same start.
to_end() {
	local p
	for p; do
		pids+=("$p")
		since[$p]=$(started_at "$p")
	done
}

finish() {
	for p in "${!since[@]}"; do
		[ -n "${since[$p]}" ] && [ "$(started_at "$p")" = "${since[$p]}" ] && kill -9 "$p" 2>/dev/null
	done
	wait 2>/dev/null
	# Services outlive their supervisor. Only after a test that failed in the middle is there anything.
	for f in "$rundir/$base-"*.state; do
		[ -e "$f" ] && f=${f##*/} && timeout 60 "$shmsup" stop "${f%.state}" >/dev/null 2>&1
	done
	rm -rf "$dir"
	rm -f "/dev/shm/shmchan.$base-"* "$rundir/$base-"*
	echo "1..$tests"
}
trap finish EXIT
trap 'exit 1' INT TERM

# ok CONDITION-STATUS NAME
ok() {
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then echo "ok $tests - $2"; else echo "not ok $tests - $2"; fi
}
# is NAME GOT WANTED
is() {
	tests=$((tests + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $tests - $1"
	else
		printf 'not ok %d - %s\n# got:    %s\n# wanted: %s\n' "$tests" "$1" "$2" "$3"
	fi
}
# like NAME GOT PATTERN (of case)
like() {
	tests=$((tests + 1))
	# shellcheck disable=SC2254  # a pattern
	case $2 in
	$3) echo "ok $tests - $1" ;;
	*) printf 'not ok %d - %s\n# got:    %s\n# wanted: %s\n' "$tests" "$1" "$2" "$3" ;;
	esac
}
# until_true COMMAND...: polls until it is; a test whose condition never comes ends the script.
until_true() {
	local end=$((SECONDS + 60))
	until "$@"; do
		if [ $SECONDS -ge $end ]; then
			ok 1 "never true: $*"
			sed 's/^/# /' "$dir"/*.err
			exit 1
		fi
		sleep 0.01
	done
}
# start GROUP TOPOLOGY ARG...: shmsup run in the background, its pid in $pid, its words in $dir/GROUP.{out,err}.
start() {
	local group=$1 topology=$2
	shift 2
	"$shmsup" run "$topology" --name "$group" "$@" >"$dir/$group.out" 2>"$dir/$group.err" &
	pid=$!
	to_end "$pid"
}
# ended PID: waits for it, its status in $status.
ended() {
	wait "$1"
	status=$?
}
status_of() { "$shmsup" status -j "$1" 2>/dev/null; }
# field GROUP SERVICE KEY
field() { status_of "$1" | jq -r --arg s "$2" ".services[] | select(.name == \$s) | .$3"; }
all_ready() { [ "$(status_of "$1" | jq -r '[.services[].state] | unique | join(",")')" = ready ]; }
in_state() { [ "$(field "$1" "$2" state)" = "$3" ]; }
# gone PID: it runs no more; whoever inherited it may not have reaped it yet.
gone() { ! grep -q '^State:[[:space:]]*[RSDTtI]' "/proc/$1/status" 2>/dev/null; }
# left GROUP: what is left of it in /dev/shm and the folder of sockets.
left() { find /dev/shm "$rundir" \( -name "shmchan.$1" -o -name "shmchan.$1.*" -o -name "$1.*" \) 2>/dev/null | tr '\n' ' '; }
is_replaced() { local now; now=$(field "$1" "$2" pid) && [ -n "$now" ] && [ "$now" != 0 ] && [ "$now" != "$3" ]; }
