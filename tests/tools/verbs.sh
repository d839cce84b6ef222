#!/bin/bash
# The verbs that show services, pools, messages and single objects, against a group whose state is known.
. "$(dirname "$0")/tap.sh"
G=verbs-test-$$
n=300

begin $G $n
say start
say flow
say hold
say fill

tool -j group show $G
check 'group show' json '[.name,.state,.services,.alive,.respawns,.channels,.pools,.depth,.in_flight,.blocks_used]' \
	"[\"$G\",\"running\",2,1,3,3,1,8,0,3]"
check 'full channels and letters' json '[.full_channels, .dead_letters]' '[["work"],1]'
tool group show $G
check 'group show, plain' grep -qE '^full_channels +work$' "$work/out"

tool -j service list $G
check 'service list' json '[.[] | [.name,.state,.incarnation,.alive]]' \
	'[["producer","running",3,true],["consumer","free",2,false]]'
check 'its processor time and memory are the process'"'"'s' json '.[0] | [.rss_bytes > 0, .cpu_seconds >= 0, .uptime_seconds >= 0]' \
	'[true,true,true]'
pid=$(jq '.[0].pid' "$work/out")
check 'its pid is a child of the broker' is "$(ps -o ppid= -p "$pid" | tr -d ' ')" "$traffic"
tool -j service show $G producer
check 'service show' json '[.name,.sends,.receives,.slot]' '["producer",["work","idle"],["back"],1]'
tool service show $G nobody
check 'an unknown service' refused 7 "no service 'nobody' in group '$G'; there are: producer, consumer"

tool -j pool list $G
check 'pool list' json '.' '[{"name":"blocks","block_size":4096,"blocks":4,"free":1,"cached":0,"owned":1,"kept":1,"sent":1}]'
tool pool show $G blocks
check 'pool show' grep -qE '^block_size +4096$' "$work/out"
tool -j pool owners $G blocks
check 'pool owners' json '[.[] | [.state,.owner,.incarnation,.alive,.channel,.tag]] | sort' \
	'[["kept","producer",3,true,null,42],["owned","producer",3,true,null,null],["sent",null,null,null,"work",null]]'
tool pool owners $G puddle
check 'an unknown pool' refused 7 "no pool 'puddle'"

tool -j chan peek $G work
check 'chan peek: all queued' json '[.[] | [.state,.type,.correlation,.bytes,.sender,.incarnation]] | unique | length' 8
check 'in order' json '[.[].correlation]' '[0,1,2,3,4,5,6,7]'
check 'positions go on' json '[.[].position]' "[$(seq -s, $((n + 1)) $((n + 8)))]"
check 'the payload' json '[.[].data] | unique' '["66696c6c696e67"]'
check 'the block' json '[.[0].block != null, .[1].block]' '[true,null]'
tool -j chan peek $G work --count 2 --bytes 3
check 'fewer, and shorter' json '[.[].data]' '["66696c","66696c"]'
tool -j chan peek $G idle
check 'an empty channel' is "$(cat "$work/out")" '[]'
tool chan peek $G work --count none
check 'a count that is none' refused 2 "count 'none' is not a number"
tool -j chan list $G
check 'peeking took nothing' json '.[0] | [.depth,.in_flight]' '[8,0]'

tool -j chan watch $G work --count 3 --interval 0.01
check 'chan watch: one object per line' is "$(jq -c '[.depth,.enqueued]' "$work/out" | uniq)" "[8,$((n + 9))]"
check 'as many as asked for' is "$(wc -l <"$work/out")" 3
check 'rates from the second on' is "$(jq -c '[.in_rate,.out_rate]' "$work/out" | tr '\n' ' ')" '[null,null] [0,0] [0,0] '
tool chan watch $G work --count 2 --interval 0.01 -f depth,in_flight
check 'plain: a heading once' is "$(tr -s ' ' <"$work/out" | tr '\n' ';')" ' DEPTH IN-FLIGHT; 8 0; 8 0;'
tool chan watch $G nowhere
check 'watching nothing' refused 7 "no channel 'nowhere'"

tool -j dead show $G 1
check 'dead show' json '[.no,.channel,.correlation,.exit_status,.data]' '[1,"work",77,null,"30313233343536373839"]'
tool dead dump $G 1
check 'dead dump' is "$status $(cat "$work/out")" '0 0123456789'
tool dead show $G 9
check 'an unknown letter' refused 7 'no dead letter 9; kept are 1 to 1'
tool dead show $G one
check 'a number that is none' refused 2 "letter 'one' is not a number"
tool -j dead dump $G 1
check 'dump has no JSON' refused 2 'writes bytes'

"$shmtool" -j chan watch $G work --interval 0.01 >"$work/watched" 2>"$work/err" &
watcher=$!
while kill -0 $watcher 2>/dev/null && [ ! -s "$work/watched" ]; do sleep 0.01; done
end
wait $watcher
check 'a watch ends with its group' is $? 0
plan
