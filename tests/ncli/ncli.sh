#!/bin/bash
# The commands of ncli on files: what they print, and how they refuse.
# shellcheck source=tests/ncli/lib.sh
. "$(dirname "$0")/lib.sh"
plan 13
need "$vectors/mainnet-genesis.ssz_snappy"
genesis=$vectors/mainnet-genesis.ssz_snappy

run "$ncli" hash-tree-root --preset mainnet --type BeaconState "$genesis"
[ "$status" = 0 ] && [ "$(cat "$out")" = 0x7e76880eb67bbdc86250aa578958e9d0675e64e714337855204fb5abaaf82c2b ]
report $? "root of the mainnet genesis state" "status $status: $(cat "$out" "$err")"

tar --zstd -xf "$vectors/real-mainnet-blocks.tar.zst" -C "$work"
block=$(find "$work" -name block_100.ssz)
run "$ncli" pretty "$block" --type SignedBeaconBlock
[ "$status" = 0 ] && [ "$(jq -r '.message.slot + " " + .message.proposer_index' "$out")" = "100 1144" ] &&
	[ "$(jq '.message.body.attestations | length' "$out")" = 21 ]
report $? "JSON of a plain .ssz block" "status $status: $(head -c 200 "$out" "$err")"

run "$ncli" pretty --preset mainnet --type BeaconState "$genesis"
[ "$status" = 0 ] && [ "$(jq -r '.validators | length' "$out")" = 21063 ] &&
	[ "$(jq -r '.genesis_time + " " + .fork.current_version' "$out")" = "1606824023 0x00000000" ]
report $? "JSON of the mainnet genesis state" "status $status: $(head -c 200 "$err")"

head -c 1000 "$block" >"$work/cut.ssz"
run "$ncli" hash-tree-root --type SignedBeaconBlock "$work/cut.ssz"
[ "$status" = 3 ] && [ "$(wc -l <"$err")" = 1 ] && grep -q "cut.ssz.*byte" "$err"
report $? "a file that is cut short is refused, with the place" "status $status: $(cat "$err")"

run "$ncli" hash-tree-root --preset minimal --type BeaconState "$genesis"
[ "$status" = 3 ] && [ "$(wc -l <"$err")" = 1 ]
report $? "a state of the other preset is refused" "status $status: $(cat "$err")"

run "$ncli" hash-tree-root --type BeaconState "$work/none.ssz"
[ "$status" = 3 ] && grep -q 'none.ssz.*No such file' "$err"
report $? "a file that is not there is named" "status $status: $(cat "$err")"

run "$ncli" hash-tree-root --type Bacon "$genesis"
first=$status
run "$ncli" frob
[ "$first" = 2 ] && [ "$status" = 2 ] && [ "$(wc -l <"$err")" = 1 ] && grep -q frob "$err"
report $? "unknown types and commands are named" "status $first, $status: $(cat "$err")"

run "$ncli" hash-tree-root --type BeaconState --nope "$genesis"
first=$status
run "$ncli" hash-tree-root "$genesis"
[ "$first" = 2 ] && [ "$status" = 2 ] && grep -q -- '--type' "$err"
report $? "unknown and missing options are named" "status $first, $status: $(cat "$err")"

tar --zstd -xf "$vectors/chain-minimal.tar.zst" -C "$work" chain-minimal/summary.json
run "$ncli" genesis --preset minimal --validators 64 --time 1578009900 --out "$work/genesis.ssz_snappy"
want=$(jq -r .genesis_state_root "$work/chain-minimal/summary.json")
[ "$status" = 0 ] && [ "$(cat "$out")" = "$want" ] &&
	[ "$("$ncli" hash-tree-root --preset minimal --type BeaconState "$work/genesis.ssz_snappy")" = "$want" ]
report $? "genesis of the mocked start" "status $status: $(cat "$out" "$err"), expected $want"

run "$ncli" transition --preset minimal --pre "$work/genesis.ssz_snappy" --slots 9 --post "$work/nine.ssz"
[ "$status" = 0 ] && grep -q '^slot 9 root 0x' "$out" &&
	[ "$("$ncli" hash-tree-root --preset minimal --type BeaconState "$work/nine.ssz")" = "$(cut -d ' ' -f 4 "$out")" ]
report $? "empty slots, across an epoch" "status $status: $(cat "$out" "$err")"

sed 's/^GENESIS_FORK_VERSION:.*/GENESIS_FORK_VERSION: 0x0badcafe/' "$vectors/config/config-minimal.yaml" >"$work/config.yaml"
run "$ncli" genesis --config "$work/config.yaml" --validators 64 --time 5 --out "$work/own.ssz"
"$ncli" pretty --preset minimal --type BeaconState "$work/own.ssz" >"$work/own.json"
[ "$status" = 0 ] && [ "$(jq -r .fork.current_version "$work/own.json")" = 0x0badcafe ]
report $? "a configuration of one's own" "status $status: $(cat "$err")"

echo 'SECONDS_PER_SLOT: soon' >>"$work/bad.yaml"
run "$ncli" genesis --config "$work/bad.yaml" --validators 64 --time 5 --out "$work/own.ssz"
first=$status
cp "$err" "$work/first"
run "$ncli" genesis --preset mainnet --config "$work/config.yaml" --validators 64 --time 5 --out "$work/own.ssz"
[ "$first" = 3 ] && grep -q 'bad.yaml.*line 1.*SECONDS_PER_SLOT' "$work/first" && [ "$status" = 3 ]
report $? "a configuration that is wrong is named with the place" "status $first, $status: $(cat "$work/first" "$err")"

run "$ncli" help
missing=
for c in hash-tree-root pretty transition genesis testnet vectors; do
	grep -q "ncli $c" "$out" || missing="$missing $c"
done
[ "$status" = 0 ] && [ -z "$missing" ]
report $? "help shows every command" "status $status, not shown:$missing"
