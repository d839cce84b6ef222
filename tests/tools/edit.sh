#!/bin/bash
# Changes: inject, record, replay, drain, dead letters dropped and replayed, repair; in a group under shmsup, and each
# refused where it would break a rule of the channel.
. "$(dirname "$0")/tap.sh"
G=edit-test-$$
actor=$(realpath "$BUILD/test/sup_actor")
cat >"$work/t.yaml" <<YAML
group: t
services:
  - {name: src, command: $actor, args: [idle]}
  - {name: echo, command: $actor, args: [echo, line]}
  - {name: count, command: $actor, args: [count, "1000000"]}
channels:
  - {name: line, kind: spsc, capacity: 8, message_size: 16, producers: [src], consumers: [echo]}
  - {name: answers, kind: mpsc, capacity: 16, message_size: 16, producers: [echo, src], consumers: [count], tally: [answered, lost]}
  - {name: ref, kind: slot-ref, capacity: 1, message_size: 0, producers: [src], consumers: [echo]}
pools:
  - {name: p, block_size: 64, block_count: 2, users: [src, echo]}
YAML
sup_begin "$G" "$work/t.yaml"
# chan NAME FIELD
field() { "$shmtool" -j chan show "$G" "$1" | jq -c ".$2"; }
has() { is "$(field "$1" "$2")" "$3"; }

# ---------------------------------------------------------------- one writer is one
tool chan inject $G line --data hello
check 'beside a writer: refused, with what to do' refused 9 "its producer src runs; stop that first: shmsup stop $G"
tool -j chan inject $G answers --data direct --correlation 99
check 'where many may write: done' json '[.channel,.sent,.bytes]' '["answers",1,6]'
"$shmsup" stop "$G" src >/dev/null
tool -j chan inject $G line --data hello --correlation 5 --type 3 --reply answers
check 'with the writer stopped: done' json '[.channel,.sent,.bytes]' '["line",1,5]'
check 'it is answered' soon has answers done 2
check 'and completed' soon has line done 1
tool chan inject $G line --hex 0g
check 'bad hex' refused 2 "hex '0g'"
tool chan inject $G line --data a --hex 00
check 'two payloads' refused 2 'only one of'
tool chan inject $G line --data 12345678901234567
check 'too long' refused 9 'at most 16 bytes'
tool chan inject $G line --correlation 5x
check 'a correlation that is none' refused 2 "correlation '5x'"
tool chan inject $G nowhere
check 'an unknown channel' refused 7 "no channel 'nowhere'"
tool chan inject $G line --reply nowhere
check 'an unknown reply channel' refused 9 "'nowhere', which this group has not"
tool chan inject $G line --file /nowhere/x
check 'no file' refused 1 "cannot read '/nowhere/x'"
tool chan inject $G ref
check 'a block is wanted' refused 9 'its messages are blocks'
"$shmsup" stop "$G" echo >/dev/null
echo block >"$work/block"
tool chan inject $G ref --block "$work/block" --pool p
check 'with a block' is "$status" 0
tool -j pool list $G
check 'which is in its message' json '.[0].sent' 1
tool chan inject $G ref --block "$work/block" --pool p
check 'a full channel' refused 9 'is full'
tool chan drain $G ref --drop
tool -j pool list $G
check 'draining frees it' json '.[0].sent' 0

# ---------------------------------------------------------------- dead letters
for i in 1 2 3 4 5; do "$shmtool" chan inject $G line --data m$i --correlation $i --reply answers >/dev/null; done
"$shmsup" start "$G" src >/dev/null
tool -j chan drain $G line --limit 3
check 'drained: three of five' json '.' '{"channel":"line","drained":3,"left":2}'
tool -j dead list $G
check 'they are letters' json '[.[] | [.channel,.correlation,.receiver,.pid,.signal,.drained]]' \
	'[["line",1,"echo",null,null,true],["line",2,"echo",null,null,true],["line",3,"echo",null,null,true]]'
check 'who asked is told' soon has answers tally.lost 3
tool dead drop $G 1
check 'dead drop' is "$status" 0
tool dead drop $G 1
check 'once' refused 7 'no dead letter 1'
tool dead replay $G 2
check 'replay beside a writer: refused' refused 9 'its producer src runs'
"$shmsup" stop "$G" src >/dev/null
tool -j dead replay $G all
check 'replay of all' json '[.[] | [.no,.correlation,.done]]' '[[2,2,"replayed"],[3,3,"replayed"]]'
tool -j dead list $G
check 'no letter is left' is "$(cat "$work/out")" '[]'
tool -j chan peek $G line
check 'they are queued behind the others' json '[.[].correlation]' '[4,5,2,3]'
"$shmsup" start "$G" echo >/dev/null
check 'and answered' soon has line done 8
tool chan drain $G line
check 'draining beside a reader: refused' refused 9 'its consumer echo runs'

# ---------------------------------------------------------------- record and replay
"$shmtool" -j chan record $G answers "$work/rec" --count 20 >"$work/recorded" 2>"$work/err" &
recorder=$!
check 'it says when it records' soon grep -q recording "$work/err"
for i in $(seq 20); do "$shmtool" chan inject $G line --data "n$i" --correlation $((100 + i)) --reply answers >/dev/null; done
wait $recorder
check 'record' is "$(jq -c '[.channel,.messages,.missed,.ended]' "$work/recorded")" '["answers",20,0,"count"]'
python3 - "$work/rec" >"$work/out" <<'PY'
import struct, sys, zlib
d = open(sys.argv[1], 'rb').read()
assert d[:8] == b'shmrec\r\n' and zlib.crc32(d[:156]) == struct.unpack('<I', d[156:160])[0]
at = 160
while at < len(d):
    magic, size = struct.unpack('<4sI', d[at:at + 8])
    assert zlib.crc32(d[at:at + size - 4]) == struct.unpack('<I', d[at + size - 4:at + size])[0]
    if magic == b'MESG':
        corr, = struct.unpack('<Q', d[at + 24:at + 32])
        n, = struct.unpack('<I', d[at + 40:at + 44])
        print(corr, d[at + 112:at + 112 + n].decode())
    else:
        print(magic.decode(), *struct.unpack('<QQ', d[at + 8:at + 24]))
    at += size
PY
check 'the file holds them, by its format' is "$(head -n 2 "$work/out" | tr '\n' ';') $(tail -n 1 "$work/out")" \
	'101 n1;102 n2; END! 20 0'
tool -j chan replay $G line "$work/rec" --rate full
check 'replay' json '[.channel,.sent,.messages,.missed]' '["line",20,20,0]'
check 'they are answered again' soon has line done 48
tool -j chan replay $G line "$work/rec" --count 3 --rate 1000
check 'a part of it' json '[.sent,.messages]' '[3,null]'
head -c 2000 "$work/rec" >"$work/cut"
tool -j chan replay $G line "$work/cut" --rate full
check 'a recording cut short: what is whole' json '[.sent,.messages]' '[14,null]'
printf 'x' | dd of="$work/cut" bs=1 seek=300 conv=notrunc status=none
tool chan replay $G line "$work/cut" --rate full
check 'a damaged one' test "$status" = 4 -a "$(grep -c 'is damaged at byte' "$work/err")" = 1
tool chan replay $G line "$work/t.yaml"
check 'a file that is none' refused 4 'is not a recording'
tool chan replay $G line "$work/rec" --rate fast
check 'a rate that is none' refused 2 "rate 'fast'"
"$shmsup" stop "$G" echo >/dev/null
tool chan replay $G line "$work/rec" --rate full --timeout 0
check 'nobody takes them' refused 9 'has been full for 0 s; 8 messages were sent'
tool chan drain $G line --drop

# ---------------------------------------------------------------- tail
"$shmsup" start "$G" echo >/dev/null
"$shmtool" -j chan tail $G answers --count 2 >"$work/tailed" 2>"$work/err" &
tail=$!
# The tail begins at some moment; what is sent before is not its.
while kill -0 $tail 2>/dev/null; do "$shmtool" chan inject $G line --data t --correlation 7 --reply answers >/dev/null; done
wait $tail
check 'tail' is "$(jq -c '[.type,.correlation,.sender,.bytes,.data]' "$work/tailed" | sort -u)" '[1,7,"echo",1,"74"]'
check 'as many as asked for' is "$(wc -l <"$work/tailed")" 2
tool chan tail $G answers --seconds 0.05
check 'for a time' is "$status $(wc -l <"$work/out")" '0 0'

# ---------------------------------------------------------------- repair
"$shmsup" stop "$G" echo >/dev/null
tool check $G --repair
check 'nothing to repair' is "$status $(cat "$work/out")" "0 $G: clean (channels: 3, pools: 1)"
# 512: taken, in the receiving side's line.
printf '\377\377\377' | dd of="/dev/shm/shmchan.$G.line" bs=1 seek=512 conv=notrunc status=none
tool check $G
check 'damaged' is "$status" 4
tool -j check $G --repair
check 'repaired' is "$status $(jq -c '[.[] | [.object,.repaired]]' "$work/out")" '8 [["line",true]]'
tool check $G
check 'and clean' is "$status" 0
printf '\377\377\377' | dd of="/dev/shm/shmchan.$G.answers" bs=1 seek=512 conv=notrunc status=none
tool -j check $G --repair
check 'not beside its reader' is "$status $(jq -c '[.[] | [.object,.repaired]]' "$work/out")" '4 [["answers",false]]'
"$shmsup" stop "$G" count >/dev/null
# Its recovery has mended it, or repair does.
"$shmtool" check $G --repair >/dev/null 2>&1
tool check $G
check 'with its reader stopped it is' is "$status" 0

# ---------------------------------------------------------------- a terminal
terminal() { script -qec "$shmtool $*" /dev/null >"$work/out" 2>&1; status=$?; }
terminal chan drain $G line
check 'on a terminal it wants --yes' is "$status $(grep -c 'add --yes to do it' "$work/out")" '2 1'
terminal check $G --repair
check 'check --repair too' is "$status $(grep -c 'add --yes to do it' "$work/out")" '2 1'
terminal chan drain $G line --yes
check 'and with it goes on' is "$status" 0

sup_end
check 'the group ended well' is $? 0
begin "$G" 5
tool chan drain $G work
check 'a group without shmsup' refused 9 "there is no group '$G'"
end
plan
