# Sourced by the TAP scripts of the tools: counting, comparing, and a group of real processes (traffic.c).
# shellcheck shell=bash
BUILD=${BUILD:?}
shmtool=$BUILD/bin/shmtool
count=0
work=$(mktemp -d)

# check NAME COMMAND...: one test, passed if the command succeeds.
check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		head -n 20 "$work/out" "$work/err" 2>/dev/null | cut -c 1-400 | sed 's/^/# /'
	fi
}

# tool ARGUMENT...: runs shmtool; leaves its output in $work/out and $work/err, its exit status in $status.
tool() {
	"$shmtool" "$@" >"$work/out" 2>"$work/err"
	status=$?
}

is() { [ "$1" = "$2" ] || { echo "# got '$1', want '$2'"; return 1; }; }
json() { is "$(jq -c "$1" "$work/out")" "$2"; }
# One line on stderr, nothing on stdout, this exit status, and the words in it.
refused() {
	is "$status" "$1" && is "$(wc -l <"$work/err")" 1 && [ ! -s "$work/out" ] && grep -qF -- "$2" "$work/err"
}

# begin GROUP COUNT: starts a group. say COMMAND: waits until it is carried out.
begin() {
	coproc TRAFFIC { exec "$BUILD/test/traffic" "$1" "$2" 2>"$work/traffic"; }
	traffic=$TRAFFIC_PID
	heard created
}
heard() {
	local line
	read -r line <&"${TRAFFIC[0]}" && [ "$line" = "$1" ] && return
	echo "Bail out! traffic: $(cat "$work/traffic")"
	exit 1
}
say() {
	echo "$1" >&"${TRAFFIC[1]}"
	heard "$1"
}
end() {
	[ -n "${traffic:-}" ] || return 0
	eval "exec ${TRAFFIC[1]}>&-"
	wait "$traffic"
	local status=$?
	traffic=
	return $status
}
# sup_begin GROUP TOPOLOGY ARGUMENT...: a group under shmsup, all of whose services are ready. sup_end ends it.
shmsup=$BUILD/bin/shmsup
sup_begin() {
	local group=$1 topology=$2
	shift 2
	"$shmsup" run "$topology" --name "$group" "$@" >"$work/sup.out" 2>"$work/sup.err" &
	supervisor=$!
	sup_group=$group
	until "$shmsup" status -j "$group" 2>/dev/null | jq -e '[.services[].state] | unique == ["ready"]' >/dev/null; do
		kill -0 $supervisor 2>/dev/null || {
			echo "Bail out! $(cat "$work/sup.err")"
			exit 1
		}
		sleep 0.02
	done
}
sup_end() {
	[ -n "${supervisor:-}" ] || return 0
	"$shmsup" stop "$sup_group" >/dev/null 2>&1 || kill "$supervisor" 2>/dev/null
	wait "$supervisor"
	local status=$?
	supervisor=
	return $status
}
# soon COMMAND...: it comes true; gives up after five minutes.
soon() {
	local until=$((SECONDS + 300))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.02
	done
}

finish() {
	end
	sup_end
	rm -rf "$work"
}
trap finish EXIT

plan() { echo "1..$count"; }
