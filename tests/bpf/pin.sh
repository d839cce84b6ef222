#!/bin/bash
# Attached for good: the counting survives the tool, and the services at both ends, until it is detached.
. "$(dirname "$0")/apart.sh"
. "$(dirname "$0")/../tools/tap.sh"
G=pin-test-$$
n=1000
pins=/sys/fs/bpf/shmchan/$G
# shellcheck disable=SC2317  # called by the trap
detach() {
	"$shmtool" probe detach $G 2>/dev/null
	finish
}
trap detach EXIT

begin $G $n
tool probe detach $G
case $status in
7) check 'detaching what is not attached' refused 7 'nothing is attached' ;;
*) check 'without BPF it says why' refused 6 '' ;;
esac
tool probe attach $G --every 1
if [ "$status" = 0 ]; then
	check 'attach says nothing' is "$(cat "$work/out" "$work/err")" ''
	check 'maps and links are pinned' test -e $pins/chans -a -e $pins/stamps -a "$(find $pins -name 'link_*' | wc -l)" -gt 0
	tool probe attach $G
	check 'once is enough' refused 6 'attached to already'
	say start
	say flow
	say hold
	tool -j chan list $G
	tail -n +2 $pins/counters | sort >"$work/counters"
	check 'the pinned iterator prints the counters, read by the kernel' is "$(cat "$work/counters")" \
		"$(jq -r '.[] | select(.name != "idle") | "\(.name) \(.enqueued) \(.dequeued) \(.done) \(.depth)"' "$work/out" |
			cat - <(echo idle 0 0 0 0) | sort)"
	tool -j probe hist $G
	check 'counted without the tool' json '.channels[0] | [.push,.pop,.done,.dead_letter,.every]' "[$((n + 1)),$((n + 1)),$n,1,1]"
	check 'the answer that the broker made for the dead too' json '.channels[1] | [.push,.pop,.done]' "[$((n + 1)),$((n + 1)),$((n + 1))]"
	check 'depths too' json '[.channels[0].depth[].count] | add' $((n + 1))
	check 'no time of watching' json '.seconds' null
	tool -j probe hist $G
	check 'reading changes nothing' json '.channels[0].push' $((n + 1))
	bpftool=$(PATH=$PATH:/usr/sbin command -v bpftool)
	if [ -n "$bpftool" ]; then
		"$bpftool" -j map dump pinned $pins/chans 2>"$work/err" >"$work/out"
		check 'bpftool shows fields by name' json "[.[] | select(.key == [\"0x01\",\"0x00\",\"0x00\",\"0x00\"]) |
			.formatted.values[].value.push] | add" $((n + 1))
	fi
	end
	tool -j probe show $G
	check 'the pins of an ended group can be read' json '[.attached,.ended,.group,.channels[0].name,.channels[0].pushed]' \
		"[true,true,\"$G\",\"work\",$((n + 1))]"
	check 'and are named' json ".attached_to_ended | index(\"$G\") != null" true
	begin $G $n
	tool probe hist $G --seconds 0.05
	check 'a later group of that name is another' is "$(grep -c '^work .*push 0' "$work/out")" 1
	tool probe attach $G
	check 'and can be attached to' is "$status" 0
	tool probe detach $G
	check 'detach' is "$status" 0
	check 'no pin is left' test ! -e $pins
	tool probe attach $G
	end
	tool probe detach $G
	check 'detach when the group has ended' is "$status" 0
	check 'no pin is left of that either' test ! -e $pins
	begin $G $n
	tool -j chan list $G
	say start
	say flow
else
	check 'where it cannot attach it says why' refused 6 ''
fi
tool probe detach /etc
check 'only names of groups' refused 3 "'/etc' is not the name of a group"
end
check 'the group ended well' is $? 0
plan
