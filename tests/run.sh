#!/bin/bash
# Usage: run.sh TEST…
# Runs Criterion programs and TAP scripts one after the other, prints what failed, and ends with
# "N passed, N failed". A program that ends without a plan or by a signal counts as one failure more.
set -u
passed=0 failed=0
logs=${BUILD:?}/test/log
mkdir -p "$logs"
for t in "$@"; do
	name=$(basename "$t")
	tap=$logs/$name.tap log=$logs/$name.log
	rm -f "$tap"
	start=$SECONDS
	case $t in
	*.sh) timeout -k 10 "${TEST_TIMEOUT:-900}" "$t" >"$tap" 2>"$log" </dev/null ;;
	*) timeout -k 10 "${TEST_TIMEOUT:-900}" ${EMULATOR:-} "$t" --tap="$tap" --quiet >"$log" 2>&1 </dev/null ;;
	esac
	status=$?
	ok=$(grep -c '^ok' "$tap" 2>/dev/null)
	bad=$(grep -c '^not ok' "$tap" 2>/dev/null)
	ok=${ok:-0} bad=${bad:-0}
	plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tap" 2>/dev/null | head -n 1)
	if [ "$bad" = 0 ] && { [ "$status" != 0 ] || [ "${plan:-none}" != "$ok" ]; }; then
		bad=1
		echo "not ok - $name: exit status $status, plan ${plan:-none}, $ok passed"
	fi
	passed=$((passed + ok)) failed=$((failed + bad))
	printf '%-36s %5d passed %3d failed %4ds\n' "$name" "$ok" "$bad" $((SECONDS - start))
	if [ "$bad" != 0 ]; then
		grep -A 12 '^not ok' "$tap" 2>/dev/null | head -n 80
		tail -n 40 "$log"
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
