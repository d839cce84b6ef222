#!/bin/bash
# A service alone: a run of the node is recorded, then its requests are replayed to a Rewinder worker and the HotDB it
# asks, without feeder and collector; the verdicts are the same.
. "$(dirname "$0")/tap.sh"
G=replay-test-$$
vectors=${VECTORS:-../shared/vectors}
here=$(dirname "$0")/../..
n=60
if [ ! -e "$vectors/real-mainnet-blocks.tar.zst" ]; then
	check "vectors (none in $vectors) # SKIP" true
	plan
	exit
fi
# messages FILE: one line per message of a recording: correlation, type, payload.
messages() {
	python3 - "$1" <<'PY'
import struct, sys
d = open(sys.argv[1], 'rb').read()
at = 160
while at < len(d):
    magic, size = struct.unpack('<4sI', d[at:at + 8])
    if magic == b'MESG':
        corr, kind = struct.unpack('<QH', d[at + 24:at + 34])
        n, = struct.unpack('<I', d[at + 40:at + 44])
        print(corr, kind, d[at + 112:at + 112 + n].hex())
    at += size
PY
}
record() {
	until [ -e "/dev/shm/shmchan.$1.dead" ]; do sleep 0.01; done
	until "$shmtool" -j chan record "$1" "$2" "$3" --kept "${@:4}" 2>/dev/null; do sleep 0.01; done
}

record "$G" requests-1 "$work/requests" >"$work/r1" &
record "$G" verdicts "$work/verdicts" >"$work/r2" &
"$shmsup" run "$here/procs/topologies/validate.yaml" --name "$G" --set vectors="$vectors" --set workers=1 \
	--set requests=$n >"$work/out" 2>"$work/err"
check 'the node ran' is $? 0
wait
check 'all requests are recorded' is "$(jq -c '[.messages,.missed,.ended]' "$work/r1")" "[$n,0,\"stopped\"]"
check 'all verdicts too' is "$(jq -c '[.messages,.missed]' "$work/r2")" "[$n,0]"

cat >"$work/alone.yaml" <<YAML
group: alone
services:
  - {name: hotdb, command: hotdb, args: [--state, "$vectors/mainnet-genesis.ssz_snappy"]}
  - {name: rewinder-worker-1, command: rewinder-worker, args: [--replica, "1"], depends_on: [hotdb]}
  - {name: feeder, command: "true", ready: spawn, restart: never}
  - {name: collector, command: "true", ready: spawn, restart: never}
channels:
  - {name: requests-1, kind: spsc, capacity: 64, message_size: 8192, producers: [feeder], consumers: [rewinder-worker-1]}
  - {name: hotdb-inbox, kind: mpsc, capacity: 64, message_size: 64, producers: [rewinder-worker-1], consumers: [hotdb]}
  - {name: trail-1, kind: slot-ref, capacity: 1, message_size: 0, producers: [hotdb], consumers: [rewinder-worker-1], on_crash: drop}
  - {name: verdicts, kind: mpsc, capacity: 256, message_size: 16, producers: [rewinder-worker-1, feeder], consumers: [collector]}
pools:
  - {name: states, block_size: 6291456, block_count: 6, users: [hotdb, rewinder-worker-1]}
YAML
PATH=$(realpath "$BUILD/bin"):$PATH "$shmsup" run "$work/alone.yaml" --name "$G-alone" >"$work/sup.out" 2>"$work/sup.err" &
supervisor=$! sup_group=$G-alone
ready() { [ "$("$shmsup" status -j "$G-alone" | jq -r '[.services[0:2][].state] | unique | join(",")')" = ready ]; }
check 'the worker and its HotDB run alone' soon ready
tool -j chan replay "$G-alone" requests-1 "$work/requests" --rate full --timeout 60
check 'replayed' is "$status $(jq -c '[.sent,.messages]' "$work/out")" "0 [$n,$n]"
judged() { [ "$("$shmtool" -j chan show "$G-alone" verdicts | jq .depth)" = $n ]; }
check 'all are judged' soon judged
tool -j chan record "$G-alone" verdicts "$work/alone" --kept --count $n
check 'verdicts of the worker alone' json '[.messages,.missed]' "[$n,0]"
messages "$work/verdicts" | sort >"$work/a"
messages "$work/alone" | sort >"$work/b"
check 'are the same, each of them' cmp "$work/a" "$work/b"
check 'and not all alike' test "$(cut -d' ' -f3 "$work/a" | sort -u | wc -l)" -gt 1
sup_end
check 'the group ended well' is $? 0
plan
