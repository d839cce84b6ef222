#!/bin/bash
# Usage: run.sh PROGRAM…
# Runs the benchmark programs one after the other; each prints its table and writes $BUILD/bench/NAME.json. Programs
# called *-worker are started by others. Exit status: number of programs that failed.
set -u
failed=0
for b in "$@"; do
	case $b in *-worker) continue ;; esac
	name=$(basename "$b")
	"$b" -o "${BUILD:?}/bench/$name.json" || { echo "bench: $name failed, exit status $?" >&2; failed=$((failed + 1)); }
done
exit $failed
