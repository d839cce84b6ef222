#!/bin/bash
# What is attached for good reaches programs that the group begins to run later: the supervisor has them attached to.
. "$(dirname "$0")/apart.sh"
. "$(dirname "$0")/../tools/tap.sh"
G=later-test-$$
pins=/sys/fs/bpf/shmchan/$G
actor=$(realpath "$BUILD/test/sup_actor")
# shellcheck disable=SC2317  # called by the trap
detach() {
	"$shmtool" probe detach $G 2>/dev/null
	finish
}
trap detach EXIT
# Another file by the same name, as an upgrade puts it there.
renew() { cp "$actor" "$work/$1.new" && mv "$work/$1.new" "$work/$1"; }
files() { find "$pins" -name 'file_*' | wc -l; }
has_files() { [ "$(files)" = "$1" ]; }
# popped N: taken from line, by shared memory and by BPF, which samples all.
popped() { is "$("$shmtool" -j chan show $G line | jq .done)" "$1" &&
	is "$("$shmtool" -j probe show $G | jq -c '.channels[] | select(.name == "line") | [.pop, .done]')" "[$1,$1]"; }
inject() {
	for _ in $(seq "$1"); do "$shmtool" chan inject $G line --data x --correlation 5 --reply answers >/dev/null || return; done
}

renew echo
renew count
cat >"$work/t.yaml" <<YAML
group: t
services:
  - {name: src, command: $actor, args: [idle]}
  - {name: echo, command: $work/echo, args: [echo, line]}
  - {name: count, command: $work/count, args: [count, "1000000"]}
channels:
  - {name: line, kind: spsc, capacity: 8, message_size: 16, producers: [src], consumers: [echo]}
  - {name: answers, kind: mpsc, capacity: 16, message_size: 16, producers: [echo, src], consumers: [count], tally: [answered, lost]}
YAML
sup_begin "$G" "$work/t.yaml"
tool probe attach $G --more
if [ "$status" = 6 ]; then
	check 'where it cannot attach it says why' refused 6 ''
	sup_end
	plan
	exit
fi
check 'more than nothing is not to be had' refused 7 'nothing is attached'
"$shmsup" stop $G count >/dev/null
tool probe attach $G --every 1
check 'attached while a service is stopped' is "$status" 0
known=$(files)
tool probe attach $G --more
check 'again: nothing to add' is "$status $(cat "$work/out" "$work/err") $(files)" "0  $known"
"$shmsup" stop $G src >/dev/null
check 'messages' inject 3
check 'a program that was known' soon popped 3
"$shmsup" start $G count >/dev/null
check 'a service that is started later' soon has_files $((known + 1))
"$shmsup" stop $G echo >/dev/null
renew echo
"$shmsup" start $G echo >/dev/null
check 'a program that was upgraded' soon has_files $((known + 2))
check 'messages to it' inject 2
check 'are counted, each once' soon popped 5
"$shmsup" kill $G echo >/dev/null
"$shmsup" kill $G count >/dev/null
check 'a message to its next process' inject 1
check 'is counted once too' soon popped 6
check 'from the death to it' soon eval "\"$shmtool\" -j probe show $G |
	jq -e '.deaths[] | select(.name == \"echo\") | .first_pop_ns > 0 and .exec_ns > 0'"
check 'nothing was attached twice' is "$(files)" $((known + 2))
supervisor_pid=$supervisor
tool probe detach $G
check 'detached' test ! -e "$pins"
tool probe attach $G --more --every 2
check 'sampling is set once' refused 2 "exclude each other"
sup_end
check 'the group ended well' is $? 0
check 'no child of the supervisor is left' test ! -e "/proc/$supervisor_pid"
plan
