#!/bin/bash
# Bad input ends the group with one line that names the file and the reason, and leaves nothing.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

LIMIT=60
bad=$tmp/vectors
mkdir "$bad"

# shellcheck disable=SC2317  # called by ok
# says SERVICE FILE REASON: SERVICE said one line, with both.
says() {
	[ "$(grep -c "^$1: " "$tmp/log")" = 1 ] && grep "^$1: " "$tmp/log" | grep -F -- "$2" | grep -qF -- "$3"
}

# refused WHAT SERVICE FILE REASON SETTING...: the group ends with the status for a service that was given up.
refused() {
	local what=$1 service=$2 file=$3 reason=$4 want=6
	shift 4
	if [ "$service" = collector ]; then want=7; fi # it is the one that completes the job
	run_group "$@"
	ok "$what: exit status $want" [ "$status" = $want ]
	ok "$what: $service names the file and the reason" says "$service" "$file" "$reason"
	ok "$what: nothing is left" nothing_left
}

cp "$vectors/real-mainnet-blocks.tar.zst" "$bad"
state() {
	refused "$1" hotdb "$bad/$2" "$3" vectors="$bad" state="$2"
}

"$BUILD/bin/ncli" genesis --validators 64 --time 1600000000 --out "$bad/whole.ssz" >/dev/null
head -c -1000 "$bad/whole.ssz" >"$bad/short.ssz"
state 'real SSZ without its last 1000 bytes' short.ssz 'byte'
{ cat "$bad/whole.ssz" && printf '\1\2\3'; } >"$bad/long.ssz"
state 'real SSZ with three bytes more' long.ssz 'byte'
head -c 2000000 /dev/zero >"$bad/cut.ssz"
state 'SSZ that ends in the fixed-size part' cut.ssz 'ends before the fixed-size part is complete'
head -c 5404504 /dev/zero >"$bad/zero.ssz"
state 'SSZ with a bad offset' zero.ssz 'first offset'
: >"$bad/empty.ssz"
state 'empty file' empty.ssz 'ends before'
cp "$vectors/mainnet-genesis.ssz_snappy" "$bad/length.ssz_snappy"
chmod u+w "$bad/length.ssz_snappy"
printf '\x99' | dd of="$bad/length.ssz_snappy" conv=notrunc status=none
state 'snappy with a wrong length' length.ssz_snappy 'snappy'
head -c 1000000 "$vectors/mainnet-genesis.ssz_snappy" >"$bad/half.ssz_snappy"
state 'snappy that ends early' half.ssz_snappy 'snappy'
tar --zstd -xOf "$vectors/chain-minimal.tar.zst" --wildcards '*/genesis.ssz_snappy' >"$bad/minimal.ssz_snappy"
state 'state of the minimal preset' minimal.ssz_snappy 'other preset'
state 'missing state' none.ssz_snappy 'No such file'
refused 'missing vectors' hotdb /nonexistent/mainnet-genesis.ssz_snappy 'No such file' vectors=/nonexistent

cp "$vectors/mainnet-genesis.ssz_snappy" "$bad/mainnet-genesis.ssz_snappy"
archive() {
	refused "$1" feeder "$bad/real-mainnet-blocks.tar.zst" "$2" vectors="$bad"
}
rm "$bad/real-mainnet-blocks.tar.zst"
archive 'missing blocks' 'No such file'
head -c 3000 "$vectors/real-mainnet-blocks.tar.zst" >"$bad/real-mainnet-blocks.tar.zst"
archive 'blocks cut short' 'zst'
mkdir "$tmp/real-mainnet-blocks"
tar -C "$tmp" --zstd -xf "$vectors/real-mainnet-blocks.tar.zst" --exclude='*block_101.ssz'
tar -C "$tmp" --zstd -cf "$bad/real-mainnet-blocks.tar.zst" real-mainnet-blocks
archive 'a block is not there' 'block_101.ssz is not in it'
head -c 5000 /dev/zero >"$tmp/real-mainnet-blocks/block_101.ssz"
tar -C "$tmp" --zstd -cf "$bad/real-mainnet-blocks.tar.zst" real-mainnet-blocks
archive 'another block' 'block_101.ssz: is not the block of that slot'

refused 'requests that are no number' collector --requests "'many' is not a number" requests=many
refused 'an unknown form' rewinder-worker --form "'fast' is neither" form=fast workers=1

# usage SERVICE STATUS ARGUMENT...: without a group.
usage() {
	local service=$1 want=$2
	shift 2
	env -u SHMCHAN_GROUP "$BUILD/bin/$service" "$@" >"$tmp/log" 2>&1
	ok "$service $*: exit status $want" [ $? = "$want" ]
	ok "$service $*: says why" [ -s "$tmp/log" ]
}
for service in hotdb rewinder-worker feeder collector; do
	usage $service 0 --help
	usage $service 2
	usage $service 2 --nonsense
	usage $service 2 --die-at nowhere
done
usage hotdb 4 --state x
usage rewinder-worker 4 --replica 1
usage feeder 4 --vectors "$vectors" --requests 1 --workers 1
usage collector 4 --requests 1
end
