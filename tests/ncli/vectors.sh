#!/bin/bash
# All test vectors through ncli, as one command; and vectors that must fail.
# shellcheck source=tests/ncli/lib.sh
. "$(dirname "$0")/lib.sh"
plan 6
need "$vectors"

run "$ncli" vectors "$vectors"
last=$(tail -n 1 "$out")
[ "$status" = 0 ] && [ "$last" = "4122 passed, 0 failed, 0 skipped" ]
report $? "all vectors pass, none is skipped" "status $status: $last"

# A directory of the official layout, one case of it damaged.
tar --zstd -xf "$vectors/phase0-minimal-operations.tar.zst" -C "$work" \
	tests/minimal/phase0/operations/voluntary_exit
run "$ncli" vectors "$work/tests"
[ "$status" = 0 ] && [ "$(tail -n 1 "$out")" = "10 passed, 0 failed, 0 skipped" ]
report $? "a directory is run as well" "status $status: $(tail -n 1 "$out")"

good=$(dirname "$(find "$work/tests" -name post.ssz_snappy | sort | head -n 1)")
cp "$good/pre.ssz_snappy" "$good/post.ssz_snappy"
run "$ncli" vectors "$work/tests"
[ "$status" = 1 ] && [ "$(tail -n 1 "$out")" = "9 passed, 1 failed, 0 skipped" ] &&
	[ "$(wc -l <"$out")" = 2 ] && grep -q 'post.*, expected' "$out"
report $? "a wrong post-state is one line that says what differs" "status $status: $(head -n 1 "$out")"

rm "$good/post.ssz_snappy"
run "$ncli" vectors "$work/tests"
[ "$status" = 1 ] && grep -q 'is accepted, and should be refused' "$out"
report $? "what should be refused and is not fails" "status $status: $(head -n 1 "$out")"

mkdir -p "$work/other/tests/minimal/phase0/light_client/sync/pyspec_tests/one"
echo '{}' >"$work/other/tests/minimal/phase0/light_client/sync/pyspec_tests/one/meta.yaml"
run "$ncli" vectors "$work/other"
[ "$status" = 1 ] && [ "$(tail -n 1 "$out")" = "0 passed, 1 failed, 0 skipped" ] &&
	grep -q 'format is not known' "$out"
report $? "a case of a format that is not known fails" "status $status: $(head -n 1 "$out")"

head -c 3000 "$vectors/bls.tar.zst" >"$work/cut.tar.zst"
run "$ncli" vectors "$work/cut.tar.zst"
[ "$status" = 3 ] && [ "$(wc -l <"$err")" = 1 ] && grep -q cut.tar.zst "$err"
report $? "an archive that is cut short is named in one line" "status $status: $(head -n 1 "$err")"
