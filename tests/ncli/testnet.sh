#!/bin/bash
# Chains that ncli makes itself: the same for the same seed, and replayed block by block.
# shellcheck source=tests/ncli/lib.sh
. "$(dirname "$0")/lib.sh"
plan 9

# The canonical blocks of chain $1, in order.
canonical() {
	jq -r '.[] | select(.canonical) | .file' "$1/blocks.json" | sed "s|^|$1/|"
}

run "$ncli" testnet --preset minimal --validators 64 --epochs 9 --forks 3 --slashings 5 --seed 7 --out "$work/a"
[ "$status" = 0 ] && [ "$(jq '.finalized_checkpoint.epoch' "$work/a/summary.json")" -ge 7 ] &&
	[ "$(jq '[.[] | .proposer_slashings + .attester_slashings] | add' "$work/a/blocks.json")" -ge 5 ]
report $? "a chain with forks and slashings that finalizes" "status $status: $(cat "$out" "$err")"

[ "$(jq '[.[].branch] | unique | length' "$work/a/blocks.json")" = 4 ] &&
	[ "$(jq '[.[] | select(.canonical) | .branch] | unique | length' "$work/a/blocks.json")" -ge 2 ]
report $? "forks that lose and forks that win" "$(jq -c '[.[] | [.slot, .branch]]' "$work/a/blocks.json")"

run "$ncli" testnet --preset minimal --validators 64 --epochs 9 --forks 3 --slashings 5 --seed 7 --out "$work/b"
diff -r "$work/a" "$work/b" >"$out" 2>&1
report $? "the same seed gives the same files" "$(head -n 3 "$out")"

run "$ncli" testnet --preset minimal --validators 64 --epochs 9 --forks 3 --slashings 5 --seed 8 --out "$work/c"
[ "$(jq -r .head.root "$work/a/summary.json")" != "$(jq -r .head.root "$work/c/summary.json")" ]
report $? "another seed gives another chain" "status $status: $(cat "$err")"

run "$ncli" vectors "$work/a" "$work/c"
[ "$status" = 0 ] && [ "$(tail -n 1 "$out")" = "32 passed, 0 failed, 0 skipped" ]
report $? "its steps, blocks, epochs, gossip and blocks to refuse pass as vectors" "status $status: $(head -n 1 "$out")"

mapfile -t blocks < <(canonical "$work/a")
run "$ncli" transition --preset minimal --pre "$work/a/genesis.ssz_snappy" --blocks "${blocks[@]}" \
	--post "$work/post.ssz_snappy"
want=$(jq -r '"slot \(.head.slot) root \(.head.state_root)"' "$work/a/summary.json")
[ "$status" = 0 ] && [ "$(cat "$out")" = "$want" ] && cmp -s "$work/post.ssz_snappy" "$work/a/states/head_state.ssz_snappy"
report $? "it replays through transition, with signatures" "status $status: $(cat "$out" "$err"), expected $want"

run "$ncli" transition --preset minimal --pre "$work/a/genesis.ssz_snappy" --blocks "${blocks[1]}"
[ "$status" = 4 ] && [ "$(wc -l <"$err")" = 1 ] && grep -q 'parent root is not the latest block' "$err"
report $? "a block on another parent is refused with the reason" "status $status: $(cat "$err")"

run "$ncli" testnet --preset mainnet --validators 256 --epochs 3 --seed 3 --out "$work/m"
first=$status
run "$ncli" vectors "$work/m"
[ "$first" = 0 ] && [ "$status" = 0 ] && [ "$(tail -n 1 "$out")" = "16 passed, 0 failed, 0 skipped" ]
report $? "a chain of the mainnet preset" "status $first, $status: $(head -n 1 "$out")"

run "$ncli" testnet --preset minimal --validators 64 --epochs 2 --out "$work/a"
first=$status
run "$ncli" testnet --preset minimal --validators 4 --epochs 2 --out "$work/d"
[ "$first" = 1 ] && [ "$status" = 2 ] && [ ! -e "$work/d" ]
report $? "neither an existing directory nor too few validators are taken" "status $first, $status: $(cat "$err")"
