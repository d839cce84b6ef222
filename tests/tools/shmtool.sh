#!/bin/bash
# shmtool against a real group: what it prints is what happened, and each mistake has its own line and exit status.
. "$(dirname "$0")/tap.sh"
G=tool-test-$$
n=500

tool group list
check 'group list without any group of ours' is "$(grep -c "^$G " "$work/out")" 0
tool chan list $G
check 'a group that does not run' refused 3 "no group '$G'"

begin $G $n
say start
tool -j group list
check 'the group is listed' json ".[] | select(.name==\"$G\") | [.state,.services,.channels,.pools]" '["running",2,3,1]'
check 'with its supervisor' json ".[] | select(.name==\"$G\") | .supervisor_pid" "$traffic"
say flow
tool -j chan list $G
check 'chan list succeeds' is "$status" 0
check 'counts are those of the messages' json '.[0] | [.name,.kind,.enqueued,.dequeued,.done,.depth,.in_flight]' \
	"[\"work\",\"spsc\",$n,$n,$n,0,0]"
check 'capacity and peers' json '.[0] | [.capacity,.producers,.consumers]' '[8,["producer"],["consumer"]]'
check 'the answers' json '.[1] | [.name,.kind,.enqueued,.done]' "[\"back\",\"mpsc\",$n,$n]"
check 'an untouched channel' json '.[2] | [.name,.kind,.enqueued,.on_crash,.max_deliveries]' '["idle","slot",0,"redeliver",3]'
check 'the tally' json '.[0].tally' "{\"answered\":$n}"
keys='name kind capacity depth in_flight enqueued dequeued done high_water producers consumers'
check 'every promised key' json "[\"${keys// /\",\"}\"] - (.[0]|keys)" '[]'
tool chan list $G
check 'plain: a heading and three channels' is "$(wc -l <"$work/out")" 4
check 'plain: the heading' grep -q '^NAME  *KIND  *CAPACITY  *DEPTH ' "$work/out"
tool chan list $G -f done,name
check 'chosen fields' is "$(tail -n +2 "$work/out" | tr -s ' ' | sed 's/^ //' | tr '\n' ';')" "$n work;$n back;0 idle;"
tool -j chan show $G work
check 'chan show' json '[.name,.enqueued]' "[\"work\",$n]"
tool cha sho $G work -p
check 'words may be cut short' is "$status" 0
tool chan show $G nowhere
check 'an unknown channel' refused 7 "no channel 'nowhere' in group '$G'; there are: work, back, idle"

tool -j dead list $G
check 'no dead letters' is "$(cat "$work/out")" '[]'
say hold
tool -j dead list $G
check 'one dead letter' json 'length' 1
check 'its facts' json '.[0] | [.channel,.type,.correlation,.incarnation,.signal,.bytes,.receiver,.answer]' \
	'["work",5,77,2,9,10,"consumer","sent"]'
keys='channel type correlation incarnation pid signal time bytes'
check 'every promised key of a letter' json "[\"${keys// /\",\"}\"] - (.[0]|keys)" '[]'
tool dead list $G
check 'plain: the signal has its name' grep -q ' KILL ' "$work/out"
say fill
tool -j chan list $G
check 'a full channel' json '.[0] | [.depth,.capacity,.in_flight]' '[8,8,0]'
check 'and that it was found full' json '.[0].full > 0' true

tool check $G
check 'check: clean' is "$status $(cat "$work/out")" "0 $G: clean (channels: 3, pools: 1)"
tool -j check $G
check 'check -j: clean' is "$status $(cat "$work/out")" '0 []'

tool chan lits $G
check 'unknown verb' refused 2 "unknown verb 'lits'"
tool queue list $G
check 'unknown object' refused 2 "unknown object 'queue'"
tool chan list $G --colour
check 'unknown option' refused 2 "unknown option '--colour'"
tool chan list $G -f name,colour
check 'unknown field' refused 2 "unknown field 'colour'"
tool chan list Not/A/Group
check 'impossible group' refused 3 "Not/A/Group"

begin2=$(printf '%s' "$G-junk")
head -c 8192 /dev/zero >"/dev/shm/shmchan.$begin2"
tool chan list "$begin2"
check 'a segment that is none' refused 5 "cannot read group '$begin2'"
tool chan list
check 'several groups and none named' refused 3 'several groups run, name one of: '
tool -j group list
check 'group list goes on past it' json "[.[] | select(.name|startswith(\"$G\")) | .state] | sort" '["running","unreadable"]'
check 'and says so' is "$status" 5
rm -f "/dev/shm/shmchan.$begin2"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
	cp "$shmtool" "$work/shmtool" && chmod 755 "$work" "$work/shmtool"
	$nobody "$work/shmtool" chan list $G >"$work/out" 2>"$work/err"
	status=$?
	check 'no permission' refused 5 'as root'
else
	check 'no permission (needs root and setpriv) # SKIP' true
fi

# 512: the receiving side's count of taken messages, of which there can't be so many.
printf '\377\377\377' | dd of="/dev/shm/shmchan.$G.work" bs=1 seek=512 conv=notrunc status=none
tool check $G
check 'check: damaged' is "$status" 4
check 'says what' grep -q '^work ' "$work/out"
tool -j check $G
check 'check -j: damaged' json '[.[].object] | unique' '["work"]'

end
check 'the group ended well' is $? 0
tool chan list $G
check 'and is gone' refused 3 "no group '$G'"
check 'no segment is left' is "$(find /dev/shm -name "shmchan.$G*" | wc -l)" 0
tool version
check 'version' grep -q '^bpf ' "$work/out"
plan
