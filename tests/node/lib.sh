# shellcheck shell=bash
# Sourced by the scripts here, which run from the top of the checkout. TAP on standard output; one group at a time,
# under a name of its own; nothing of it is left whatever happens.
set -u
: "${BUILD:=build}"
vectors=${VECTORS:-../shared/vectors}
shmsup=$BUILD/bin/shmsup
topology=procs/topologies/validate.yaml
tests=0
failed=0
group=
supervisor=
tmp=$(mktemp -d)

say() {
	echo "# $*"
}

# ok DESCRIPTION COMMAND...: one test, passed when the command is true.
ok() {
	local what=$1
	shift
	tests=$((tests + 1))
	if "$@"; then
		echo "ok $tests - $what"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $what"
		say "false: $*"
		if [ -s "$tmp/log" ]; then tail -n 20 "$tmp/log" | sed 's/^/# /'; fi
		if [ -s "$tmp/report" ]; then sed 's/^/# /' "$tmp/report"; fi
	fi
}

nothing_left() {
	[ -z "$(find /dev/shm -maxdepth 1 \( -name "shmchan.$group" -o -name "shmchan.$group.*" \))" ]
}

clean() {
	if [ -n "$supervisor" ]; then
		# timeout passes it on, and sends SIGKILL when that does not help.
		kill "$supervisor" 2>/dev/null
		wait "$supervisor"
	fi
	if [ -n "$group" ]; then rm -f /dev/shm/"shmchan.$group" /dev/shm/"shmchan.$group".*; fi
	rm -rf "$tmp"
}
trap clean EXIT
trap 'exit 1' INT TERM PIPE

# begin [--OPTION]... NAME=VALUE...: starts a group with these variables; its report goes to $tmp/report, its output to $tmp/log.
begin() {
	local set=() v
	group=node-test-$$
	rm -f "$tmp/report"
	for v in "$@"; do
		case $v in --*) set+=("$v") ;; *) set+=(--set "$v") ;; esac
	done
	case " $* " in *" vectors="*) ;; *) set+=(--set "vectors=$vectors") ;; esac
	timeout -k 10 "${LIMIT:-300}" "$shmsup" run "$topology" --name "$group" --report "$tmp/report" "${set[@]}" \
		>"$tmp/log" 2>&1 </dev/null &
	supervisor=$!
}

# finish waits for the group's end; its exit status is in $status.
finish() {
	wait "$supervisor"
	status=$?
	supervisor=
}

run_group() {
	begin "$@"
	finish
}

# report FILTER: a value of the report.
report() {
	jq -r "$1" "$tmp/report" 2>/dev/null
}

is() {
	[ "$(report "$1")" = "$2" ]
}

# balanced N: exit status 0, all N requests are sent, and each has one verdict or is a dead letter.
balanced() {
	[ "$status" = 0 ] && is ".sent == $1 and .sent == .valid + .invalid + .dead_letters" true
}

# valid_of N: how many of N requests, a multiple of 16, are valid (procs/common/cases.c).
valid_of() {
	echo $(($1 * 7 / 16))
}

summary() {
	jq -c '{sent, valid, invalid, dead_letters, respawns, seconds}' "$tmp/report" 2>/dev/null
}

end() {
	echo "1..$tests"
	[ "$failed" = 0 ]
	exit
}

if [ ! -r "$vectors/real-mainnet-blocks.tar.zst" ]; then
	if [ "${CI:-}" = true ]; then
		echo "Bail out! $vectors holds no vectors; VECTORS names their folder"
		echo "not ok 1 - vectors"
		exit 1
	fi
	echo "1..0 # SKIP $vectors holds no vectors; VECTORS names their folder"
	exit 0
fi
