#!/bin/bash
# The picture of a group: what is drawn, in DOT and, where Graphviz is installed, in SVG.
. "$(dirname "$0")/tap.sh"
G=graph-test-$$
begin $G 100
say start
say flow
say fill

tool graph $G
check 'dot' is "$status" 0
check 'services are nodes' is "$(grep -cE '^\s"(producer|consumer)" \[label' "$work/out")" 2
check 'channels too' is "$(grep -cE '^\s"(work|back|idle)" \[shape=box' "$work/out")" 3
check 'from producer to channel to consumer' is "$(grep -cE '"producer" -> "work"|"work" -> "consumer"' "$work/out")" 2
check 'a full channel is red' grep -qE '"work" \[.*fillcolor="0\.000 .*8 of 8' "$work/out"
check 'an empty one is green' grep -qE '"idle" \[.*fillcolor="0\.333 ' "$work/out"
check 'who is not there is grey' grep -qE '"consumer" \[.*lightgrey' "$work/out"
tool graph $G --format png
check 'unknown format' refused 2 "unknown format 'png'"
tool -j graph $G
check 'no JSON' refused 2 'has no JSON'
PATH=/nowhere "$shmtool" graph $G --format svg >"$work/out" 2>"$work/err"
status=$?
check 'without graphviz' refused 1 'install graphviz'
tool graph $G --watch /nowhere/x.svg --interval 0.01
check 'a file that cannot be' refused 1 "cannot write '/nowhere/x.svg'"

if command -v dot >/dev/null; then
	tool graph $G --format svg
	check 'svg names the channels' is "$(grep -oE '>(work|back|idle) \(' "$work/out" | sort -u | wc -l)" 3
	check 'svg is complete' is "$(tail -n 1 "$work/out")" '</svg>'
	"$shmtool" graph $G --watch "$work/live.svg" --interval 0.01 2>"$work/err" &
	watcher=$!
	while kill -0 $watcher 2>/dev/null && [ ! -s "$work/live.svg" ]; do sleep 0.02; done
	check 'the file is always whole' is "$(tail -n 1 "$work/live.svg")" '</svg>'
	end
	wait $watcher
	check 'watching ends with the group' is $? 0
	check 'nothing but the picture is left' is "$(find "$work" -name 'live.svg*' | wc -l)" 1
fi
plan
