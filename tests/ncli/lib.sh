# shellcheck shell=bash disable=SC2034
# Included by the scripts here: a work folder that is removed at the end, TAP, and a run of a command.
set -u
build=${BUILD:-build} vectors=${VECTORS:-../shared/vectors}
ncli=$build/bin/ncli
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
out=$work/.out err=$work/.err status=0 number=0

plan() {
	planned=$1
	echo "1..$1"
}

# run COMMAND...: its output goes to $out and $err, its exit status to $status.
run() {
	"$@" >"$out" 2>"$err" </dev/null
	status=$?
}

# report STATUS WHAT DETAIL: a test, passed when STATUS is 0. Called with $? first: a substitution in DETAIL changes it.
report() {
	number=$((number + 1))
	if [ "$1" = 0 ]; then
		echo "ok $number - $2"
	else
		echo "not ok $number - $2"
		echo "# $3"
	fi
}

# need PATH: without the test data nothing here can run; in CI that is a failure.
need() {
	[ -e "$1" ] && return
	if [ "${CI:-}" = true ]; then
		echo "Bail out! test data is missing: $1"
		exit 1
	fi
	while [ "$number" -lt "${planned:-6}" ]; do
		number=$((number + 1))
		echo "ok $number # SKIP test data is missing: $1"
	done
	exit 0
}
