#!/bin/bash
# The supervisor and its services are killed at random moments under full load; see chaos.py. CHAOS_KILLS (10000) and
# CHAOS_SECONDS (0: as many kills as that) say how long, CHAOS_EVERY after how many kills the supervisor's turn comes (500; 0:
# never), CHAOS_SEED repeats the choice of the victims.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
dir=$(mktemp -d)
group=chaos$$
if [ "$(id -u)" = 0 ]; then rundir=/run/shmchan; elif [ -d "${XDG_RUNTIME_DIR:-/nonexistent}" ]; then
	rundir=$XDG_RUNTIME_DIR/shmchan
else
	rundir=/tmp/shmchan-$(id -u)
fi
finish() {
	# Only after a run that was broken off is there anything.
	"$BUILD/bin/shmsup" stop "$group" >/dev/null 2>&1
	rm -rf "$dir"
}
# Built with asan, freed memory is kept for a while, which would be all that is seen of the supervisor's.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
trap finish EXIT
trap 'exit 1' INT TERM
# One that does not know how to adopt a group is not killed.
"$BUILD/bin/shmsup" help | grep -q -e --adopt && every=${CHAOS_EVERY:-500} || every=0
python3 tests/chaos/chaos.py "$BUILD/bin/shmsup" "$BUILD/test/chaos_actor" "$group" "$rundir" "${CHAOS_KILLS:-10000}" \
	"$every" "${CHAOS_SECONDS:-0}" "${CHAOS_SEED:-$$}" "$dir/report.json"
status=$?
[ $status = 0 ] || tail -n 20 "$dir/report.json.err" | sed 's/^/# /'
exit $status
