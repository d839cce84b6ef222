#!/bin/bash
# Bad topologies and bad options: each its own message on one line, with its place, its exit status, and nothing started.
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC1003 # ${...} of topologies
. "$(dirname "$0")/lib.sh"

good() {
	cat <<EOF
group: good
variables:
  n: 2
  text: hello
services:
  - name: a
    command: $actor
    args: [idle]
  - name: w
    replicas: \${n}
    command: $actor
    args: [idle, "\${replica}", "\${text}"]
    depends_on: [a]
channels:
  - name: one
    kind: spsc
    capacity: 8
    message_size: 16
    producers: [a]
    consumers: [w-1]
    tally: [good, bad]
  - name: each
    each: w
    kind: mpsc
    producers: [w]
    consumers: ["w-\${replica}"]
pools:
  - name: blocks
    block_size: 4096
    block_count: 4
    users: [a, w]
job:
  complete: done
  report:
    sent: one.enqueued
    good: one.good + each.done
  balance: [sent, good]
  zero: [one.bad]
chaos:
  services: [w]
  every_ms: [10, 20]
EOF
}
good | sed 's/complete: done/complete: b/; s/^channels:/  - {name: b, command: sleep, args: ["0"], restart: never}\n&/' >"$dir/good.yaml"
out=$("$shmsup" check "$dir/good.yaml" --set text='a "b" $c: #\')
is "a good topology: exit status" $? 0
like "a good topology: services" "$out" "group good: 4 services, 3 channels, 1 pool; *service w-2: $actor idle 2 a \"b\" \$c: #*"

sed 's/kind: spsc/kind: mpmc2/; s/consumers: \[w-1\]/consumers: [w]/' "$dir/good.yaml" >"$dir/mpmc2.yaml"
"$shmsup" check "$dir/mpmc2.yaml" >/dev/null
is "mpmc2 has several consumers" $? 0

# bad STATUS PATTERN NAME: the topology on standard input.
bad() {
	local out status
	cat >"$dir/bad.yaml"
	out=$("$shmsup" run "$dir/bad.yaml" --name "$base-bad" 2>&1)
	status=$?
	is "$3: exit status" "$status" "$1"
	is "$3: one line" "$(printf '%s\n' "$out" | wc -l)" 1
	like "$3: message" "$out" "shmsup: $2; nothing was started"
}
# change SED-SCRIPT PATTERN NAME: the good topology with a mistake; its message begins with the place.
change() {
	sed "$1" "$dir/good.yaml" >"$dir/changed.yaml"
	cmp -s "$dir/good.yaml" "$dir/changed.yaml" && ok 1 "$3: the change changes something"
	bad 3 "$dir/bad.yaml:$2" "$3" <"$dir/changed.yaml"
}

bad 3 "$dir/bad.yaml:1:1: the file holds no topology" "empty file" </dev/null
printf -- '- a\n' | bad 3 "$dir/bad.yaml:1:1: 'topology' must be a mapping, this is a list" "a list"
printf 'group: [a\n' | bad 3 "$dir/bad.yaml:2:1: *did not find expected*" "syntax"
printf 'group: g\n---\ngroup: h\n' | bad 3 "$dir/bad.yaml:2:1: a second document*" "two documents"
printf 'group: &g a\nservices: *g\n' | bad 3 "$dir/bad.yaml:2:11: aliases are not supported" "alias"
printf 'group: \000\n' | bad 3 "*holds a NUL byte*" "NUL byte"
printf 'group: \377\n' | bad 3 "*invalid*UTF-8*" "not UTF-8"
head -c 1100000 /dev/zero | tr '\0' ' ' | bad 3 "*larger than 1048576 bytes" "too large"
printf 'group: g\n' | bad 3 "$dir/bad.yaml:1:1: 'topology' lacks the key 'services'" "no services"
printf 'group: g\nservices: []\n' | bad 3 "$dir/bad.yaml:2:11: 'services' needs at least 1, this has 0" "empty services"
change 's/^group: good/group:/' "1:7: 'group' is empty" "empty group name"
change 's/^group: good/groop: good/' "1:1: unknown key 'groop' in 'topology'; known are: group, *" "unknown key at the top"
change 's/    capacity: 8/    capasity: 8/' "*: unknown key 'capasity' in 'channels'; known are: name, *" "unknown key in a channel"
change 's/    depends_on: \[a\]/    depend_on: [a]/' "13:5: unknown key 'depend_on' in 'services'*" "unknown key in a service"
change 's/    block_size: 4096/    block_size: big/' "*: 'block_size' must be a whole number, 'big' is not" "a word for a number"
change 's/    capacity: 8/    capacity: -8/' "*: 'capacity' must be a whole number, '-8' is not" "a negative number"
change 's/    capacity: 8/    capacity: 08/' "*: 'capacity' must be a whole number, '08' is not" "a number with a leading zero"
change 's/    capacity: 8/    capacity: 99999999999/' "*: 'capacity' is too large: 99999999999, the largest is 4294967295" "more than 32 bits"
change 's/    capacity: 8/    capacity: 16777217/' "*: 'capacity' must be in 1 to 16777216, this is 16777217" "too many cells"
change 's/    capacity: 8/    capacity: 0/' "*: 'capacity' must be in 1 to *" "no cells"
change 's/    message_size: 16/    message_size: 1048577/' "*: 'message_size' must be in 0 to 1048576, this is 1048577; larger things travel in pool blocks" "messages too large"
change 's/    block_count: 4/    block_count: 0/' "*: 'block_count' must be in 1 to *" "no blocks"
change '/    block_size: 4096/d' "*: pool 'blocks' needs 'block_size', or 'classes'" "a pool without a size"
change '/    block_count: 4/d' "*: pool 'blocks' needs 'block_count', or 'classes'" "a pool without a count"
change 's/    block_count: 4/    classes: [4K*4]/' "*: 'classes' stands instead of 'block_size' and 'block_count'" "sizes twice"
classes() { change "s/    block_size: 4096/    classes: $1/; /    block_count: 4/d" "$2" "$3"; }
classes '[4K]' "*: 'classes' can't be '4K'*SIZE\*COUNT*" "a class without a count"
classes '[4K*2, 4096*3]' "*: the sizes of 'classes' must grow, 4096 follows 4096" "classes that do not grow"
classes '[64*0]' "*: a pool has 1 to 16777215 blocks in all its classes, with this there are 0" "a class without blocks"
classes '[64*16777215, 65*1]' "*: a pool has 1 to 16777215 blocks in all its classes, with this there are 16777216" "too many blocks"
classes '[2T*1]' "*: the size of a block must be in 1 to 2^40, this is 2199023255552" "a class of blocks too large"
change 's/    block_size: 4096/    block_size: 1099511627777/' "*: 'block_size' must be in 1 to 1099511627776, this is 1099511627777" "blocks too large"
change 's/replicas: ${n}/replicas: 0/' "*: 'replicas' must be in 1 to 1023, this is 0" "no replicas"
change 's/replicas: ${n}/replicas: 1022/' "*: more than 1023 services*" "too many replicas"
change 's/kind: spsc/kind: mpmc/' "*: 'kind' can't be 'mpmc'; it is one of: slot, slot-ref, spsc, mpsc, mpsc-list, mpsc-intrusive, mpmc2" "unknown kind"
change '0,/kind: spsc/s//on_crash: drop/' "16:5: 'channels' lacks the key 'kind'" "no kind"
change 's/consumers: \[w-1\]/consumers: [w]/' "*: channel 'one' is spsc, which allows one consumer; it has 2*" "two consumers on spsc"
change '0,/producers: \[a\]/s//producers: [w]/' "*: channel 'one' is spsc, which allows one producer; it has 2*" "two producers on spsc"
change 's/consumers: \["w-${replica}"\]/consumers: [w]/' "*: channel 'each-1' is mpsc, which allows one consumer; it has 2*" "two consumers on mpsc"
change 's/kind: spsc/kind: mpsc-list/; s/consumers: \[w-1\]/consumers: [w]/' "*: channel 'one' is mpsc-list, which allows one consumer; it has 2*" "two consumers on mpsc-list"
change 's/kind: spsc/kind: mpsc-intrusive/; s/consumers: \[w-1\]/consumers: [w]/' "*: channel 'one' is mpsc-intrusive, which allows one consumer; it has 2*" "two consumers on mpsc-intrusive"
change 's/kind: spsc/kind: mpsc-intrusive/; s/message_size: .*/message_size: 97/' "*: channel 'one' is mpsc-intrusive, which has room for 96 bytes beside the block; it asks for 97 (the rest belongs in the block)" "a large message on mpsc-intrusive"
change 's/kind: spsc/kind: mpsc-intrusive/; s/users: \[a, w\]/users: [a]/' "*: every message of channel 'one', which is mpsc-intrusive, has a block, but no pool has both its consumer and a producer among its users" "a block that could reach nobody"
change 's/kind: spsc/kind: mpsc-intrusive/; s/users: \[a, w\]/users: [w]/' "*: every message of channel 'one', which is mpsc-intrusive, has a block, but no pool has both its consumer and a producer among its users" "a producer of blocks that has none"
change 's/kind: spsc/kind: mpsc-intrusive/; 0,/producers: \[a\]/s//producers: [a, w-2]/; s/users: \[a, w\]/users: [a, w-1]/' "20:*: every message of channel 'one', which is mpsc-intrusive, has a block, but no pool has both its consumer 'w-1' and its producer 'w-2' among its users" "one producer of several that has no blocks"
change 's/kind: spsc/kind: mpsc-intrusive/; 0,/producers: \[a\]/s//producers: [a, w-2]/; s/users: \[a, w\]/users: [a, w-1]\n  - {name: other, block_size: 8, block_count: 8, users: [w-2]}/' "20:*: *no pool has both its consumer 'w-1' and its producer 'w-2' among its users" "a producer whose blocks the consumer can't read"
change 's/kind: spsc/kind: slot/' "*: channel 'one' holds one message by its kind, not 8" "a slot with a capacity"
change '0,/producers: \[a\]/s//producers: [nobody]/' "*: 'producers': there is no service 'nobody'" "unknown producer"
change 's/consumers: \[w-1\]/consumers: [w-3]/' "*: 'consumers': there is no service 'w-3'" "unknown consumer"
change '0,/producers: \[a\]/s//producers: [a, a]/' "*: 'producers' names service 'a' twice" "a producer twice"
change 's/consumers: \[w-1\]/consumers: ["w-${replica}"]/' "*: \${replica} is known only in *" "a replica number without replicas"
change 's/users: \[a, w\]/users: [a, x]/' "*: 'users': there is no service 'x'" "unknown pool user"
change 's/depends_on: \[a\]/depends_on: [z]/' "*: 'depends_on': there is no service 'z'" "unknown dependency"
change 's/    args: \[idle\]/&\n    depends_on: [w]/' "*: depends_on goes in a circle: a -> w-1 -> a" "circle of dependencies"
change 's/    args: \[idle\]/&\n    depends_on: [a]/' "*: depends_on goes in a circle: a -> a" "dependency on itself"
change 's/- name: b$/&/; s/{name: b,/{name: a,/; s/complete: b/complete: a/' "*: service 'a' is declared twice" "a service twice"
change 's/- name: each/- name: one/' "*: channel 'one' is declared twice" "a channel and a numbered one of one name"
change 's/- name: each/- name: one/; s/    each: w//; s/"w-${replica}"/w-1/' "*: channel 'one' is declared twice" "a channel twice"
change 's/- name: blocks/- name: one/' "*: pool 'one' has the name of a channel" "a pool named as a channel"
change 's/- name: w/- name: W.1/' "*: service name 'W.1-1' is not valid: a '.' separates*" "a dot in a name"
change 's/- name: a/- name: "a b"/' "*: service name 'a b' is not valid: only letters*" "a space in a name"
change 's/- name: w/- name: wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww/' "*: service name 'w*-1' is not valid: it is longer than 31 bytes" "a long name"
change 's/- name: a/- name: supervisor/' "*: service name 'supervisor' is the supervisor's own" "the supervisor's name"
change 's/^group: good/group: -good/' "1:8: group name '-good' is not valid: it begins with '-'" "a group name that looks like an option"
change 's/"${text}"/"${txt}"/' "12:*: variable 'txt' is not defined; known are: n, text" "undefined variable"
change 's/"${text}"/"${text"/' "12:*: '\${' without '}'" "an open reference"
change 's/  text: hello/  text: "${n}"/' "4:9: a variable's value can't use another" "a variable in a variable"
change 's/  text: hello/  replica: 1/' "4:3: 'replica' can't be the name of a variable" "a reserved variable"
change 's/  text: hello/  n: 3/' "*: key 'n' is given twice" "a variable twice"
change 's/  text: hello/  text: [1]/' "4:9: the value of 'text' must be a single value, this is a list" "a list for a variable"
change 's/    capacity: 8/    capacity: 8\n    capacity: 9/' "*: key 'capacity' is given twice" "a key twice"
change 's/    args: \[idle\]/    args: idle/' "8:11: 'args' must be a list, this is a single value" "a word for a list"
change 's/    args: \[idle\]/&\n    restart: sometimes/' "9:14: 'restart' can't be 'sometimes'; it is one of: always, on-failure, never" "unknown restart policy"
change 's/    args: \[idle\]/&\n    env: [NOVALUE]/' "*: 'NOVALUE' is not of the form NAME=value" "a bad environment"
change 's/    args: \[idle\]/&\n    env: [SHMCHAN_SLOT=1]/' "*: 'SHMCHAN_SLOT=1': this variable is set by the supervisor" "a reserved environment"
change 's/    args: \[idle\]/&\n    stop_timeout_ms: 90000000/' "*: 'stop_timeout_ms' must be in 0 to 86400000, this is 90000000" "a timeout of more than a day"
change 's/    args: \[idle\]/&\n    fatal_exits: [256]/' "*: 'fatal_exits' must be in 1 to 255, this is 256" "a bad exit status"
change 's/    capacity: 8/&\n    max_deliveries: 3/' "*: 'max_deliveries' has a meaning only with on_crash: redeliver" "deliveries without redeliver"
change 's/tally: \[good, bad\]/tally: [good, good]/' "*: counter 'good' is declared twice" "a counter twice"
change 's/tally: \[good, bad\]/tally: [dead]/' "*: counter name 'dead': every channel has that" "a reserved counter"
change 's/complete: b/complete: zz/' "*: 'complete': there is no service 'zz'" "unknown service completes"
change 's/complete: b/complete: w/' "*: 'complete': 'w' has 2 replicas*" "many services complete"
change 's/complete: b/complete: a/' "*: 'complete': service 'a' has restart: always*" "an endless service completes"
change 's/sent: one.enqueued/sent: one/' "*: 'one' is not of the form CHANNEL.FIELD" "a sum without a field"
change 's/sent: one.enqueued/sent: two.enqueued/' "*: 'two.enqueued': there is no channel 'two'" "a sum of no channel"
change 's/sent: one.enqueued/sent: one.sent/' "*: 'one.sent': a channel has enqueued, *" "a sum of no field"
change 's/sent: one.enqueued/sent: one.enqueued +/' "*: a term is missing*" "half a sum"
change 's/balance: \[sent, good\]/balance: [sent, lost]/' "*: 'balance': 'report' has no 'lost'" "balance of what is not reported"
change 's/every_ms: \[10, 20\]/every_ms: [20, 10]/' "*: 'every_ms' must be \\[least, most\\]*" "chaos backwards"
change 's/every_ms: \[10, 20\]/every_ms: [10]/' "*: 'every_ms' needs at least 2, this has 1" "chaos with one number"
change 's/  services: \[w\]/  services: [w, w-1]/' "*: 'services' names service 'w-1' twice" "chaos twice"
change 's/each: w$/each: a/' "*: 'each': there is no service 'a' with \`replicas\`" "each of one"
# a SERVICE-KEY PATTERN NAME: the same with keys added to service `a`, from line 9 on.
a() {
	change "s/^    args: \[idle\]/&\n    ${1//&/\\&}/" "$2" "$3"
}
a 'heartbeat_ms: 90000000' "9:19: 'heartbeat_ms' must be in 0 to 86400000*" "a heartbeat of more than a day"
a 'spare: 2' "9:12: 'spare' must be in 0 to 1, this is 2" "too many spares"
a 'spare: 1\n    ready: spawn' "9:12: 'spare' needs 'ready: notify': *" "a spare of a service that does not say when it is ready"
a 'log: here' "9:10: 'log' can't be 'here'; it is one of: auto, file, inherit, none" "unknown log"
a 'log: file' "9:10: 'log' can't be 'file': the topology has no 'logs' with a folder" "a log file without a folder"
a 'user: no-such-user' "9:11: there is no user 'no-such-user'" "unknown user"
a 'user: "-1"' "9:11: there is no user '-1'" "a negative user"
a 'user: ""' "9:11: 'user' is empty" "empty user"
a 'groups: [root]' "9:13: 'groups' needs 'user'" "groups without a user"
a 'user: nobody\n    groups: [no-such-group]' "10:14: there is no group 'no-such-group'" "unknown group"
a 'user: nobody\n    groups: []' "10:13: 'groups' needs at least 1, this has 0" "no groups"
a 'seccomp: on' "9:14: 'seccomp' can't be 'on'; it is one of: auto, default, strict, off" "unknown filter"
a 'capabilities: net_raw' "9:19: 'capabilities' must be a list, this is a single value" "a word for capabilities"
a 'capabilities: [net_rawer]' "9:20: 'capabilities' can't be 'net_rawer': capabilities(7) has no such capability" "unknown capability"
a 'capabilities: [net_raw, CAP_NET_RAW]' "9:29: capability 'CAP_NET_RAW' is named twice" "a capability twice"
a 'cpus: "0-"' "9:11: 'cpus' can't be '0-': a set of processors looks like 0-3,8" "half a range of processors"
a 'cpus: 3-1' "9:11: 'cpus' can't be '3-1': *" "processors backwards"
a 'cpus: 0,1024' "9:11: 'cpus' can't be '0,1024': *" "a processor beyond all"
a 'nice: 20' "9:11: 'nice' must be in -20 to 19, this is 20" "too nice"
a 'nice: -21' "9:11: 'nice' must be in -20 to 19, this is -21" "not nice enough"
a 'nice: --1' "9:11: 'nice' must be a whole number, '--1' is not" "a nice value with two signs"
a 'memory_limit: 1X' "9:19: 'memory_limit' can't be '1X': a size is a number of bytes, *" "an unknown unit"
a 'memory_limit: 99999999T' "9:19: 'memory_limit' can't be '99999999T': *" "a size beyond 64 bits"
a 'rlimits: 5' "9:14: 'rlimits' must be a mapping, this is a single value" "a number for limits"
a 'rlimits: {files: 5}' "9:15: unknown key 'files' in 'rlimits'; known are: as, core, *" "unknown limit"
a 'rlimits: {nofile: many}' "9:23: 'nofile' can't be 'many': a limit is VALUE or SOFT:HARD, *" "a word for a limit"
a 'rlimits: {nofile: "20:10"}' "9:23: 'nofile' can't be '20:10': *SOFT not above HARD*" "a soft limit above the hard one"
a 'memory_limit: 1G\n    rlimits: {data: 1G}' "9:19: 'memory_limit' and 'data' of 'rlimits' are the same limit*" "a limit twice"
change 's/    capacity: 8/&\n    alert_depth: 9/' "*: 'alert_depth' is 9, but channel 'one' holds only 8 messages" "an alert that never comes"
change 's/    capacity: 8/&\n    max_deliveries: 0\n    on_crash: redeliver/' "*: 'max_deliveries' must be in 1 to *" "no deliveries"
# top KEYS PATTERN NAME: with a section added before `channels`.
top() {
	change "s/^channels:/$1\n&/" "$2" "$3"
}
top 'strategies: [{name: s, strategy: all, services: [a]}]' "*: 'strategy' can't be 'all'; it is one of: one-for-one, rest-for-one, one-for-all" "unknown strategy"
top 'strategies: [{name: s, services: [a]}]' "*: 'strategies' lacks the key 'strategy'" "no strategy"
top 'strategies: [{name: s, strategy: one-for-all, services: []}]' "*: 'services' needs at least 1*" "a strategy for nothing"
top 'strategies: [{name: s, strategy: one-for-all, services: [x]}]' "*: 'services': there is no service 'x'" "a strategy for no service"
top 'strategies: [{name: s, strategy: one-for-all, services: [w, w-2]}]' "*: 'services' names service 'w-2' twice" "a strategy with a service twice"
top 'strategies: [{name: s, strategy: one-for-all, services: [a]}, {name: t, strategy: one-for-one, services: [a]}]' "*: service 'a' is in strategy 's' already*" "a service in two strategies"
top 'strategies: [{name: s, strategy: one-for-all, services: [a]}, {name: s, strategy: one-for-one, services: [w]}]' "*: strategy 's' is declared twice" "a strategy twice"
top 'strategies: [{name: s s, strategy: one-for-all, services: [a]}]' "*: strategy name 's s' is not valid: *" "a strategy's name with a space"
top 'logs: {max_size: 1M}' "*: 'logs' lacks the key 'folder'" "logs without a folder"
top 'logs: {folder: x, max_size: 1K}' "*: 'max_size' must be at least 4096 bytes, this is 1024" "tiny logs"
top 'logs: {folder: x, keep: 1001}' "*: 'keep' must be in 0 to 1000, this is 1001" "too many logs"
sed 's/command: sleep/command: no-such-program/' "$dir/good.yaml" |
	bad 5 "service 'b': program 'no-such-program' is neither in $BUILD/bin/ nor in PATH" "missing program"
sed "s|command: sleep|command: $dir/good.yaml|" "$dir/good.yaml" |
	bad 5 "service 'b': program '$dir/good.yaml' can't be started: Permission denied" "a program that is not executable"
sed "s|command: sleep|command: $dir/|" "$dir/good.yaml" |
	bad 5 "service 'b': program '$dir/' can't be started: Is a directory" "a program that is a directory"

# check tells of every mistake in form at once, each with its place.
sed 's/capacity: 8/capasity: 8/; s/block_count: 4/block_count: 0/; s/    restart: never//; s/depends_on: \[a\]/depends_on: a/; s/^group: good//' \
	"$dir/good.yaml" >"$dir/many.yaml"
out=$("$shmsup" check "$dir/many.yaml" 2>&1)
is "many mistakes: exit status" $? 3
is "many mistakes: each has its place" "$(grep -cE "^shmsup: $dir/many.yaml:[0-9]+:[0-9]+: ." <<<"$out")" 4
like "many mistakes: all of them" "$out" "*: 'depends_on' must be a list*: unknown key 'capasity'*: 'block_count' must be in*: 'topology' lacks the key 'group'*"
like "many mistakes: how many" "$(tail -n 1 <<<"$out")" "shmsup: $dir/many.yaml has 4 mistakes; nothing was started"

# usage STATUS PATTERN NAME ARG...
usage() {
	local wanted=$1 pattern=$2 name=$3 out status
	shift 3
	out=$("$shmsup" "$@" 2>&1 </dev/null)
	status=$?
	is "$name: exit status" "$status" "$wanted"
	like "$name: message" "$out" "shmsup: $pattern"
	is "$name: one line" "$(printf '%s\n' "$out" | wc -l)" 1
}
good=$dir/good.yaml
usage 3 "can't open topology $dir/none: No such file or directory; nothing was started" "no file" run "$dir/none"
usage 3 "can't read topology $dir: it is a directory; nothing was started" "a directory" run "$dir"
usage 2 "--set 'n' is not of the form NAME=VALUE; nothing was started" "--set without =" run "$good" --set n
usage 2 "--set m: $good has no such variable; it has: n, text; nothing was started" "--set of no variable" run "$good" --set m=1
usage 2 "--set n is given twice; nothing was started" "--set twice" run "$good" --set n=1 --set n=2
usage 2 "--set text: the value holds a control character*" "--set with a control character" run "$good" --set $'text=a\nb'
usage 3 "$good:10:15: 'replicas' must be a whole number, 'two' is not*" "--set of a bad value" run "$good" --set n=two
usage 2 "--name 'a b' is not valid: only letters*" "--name with a space" run "$good" --name 'a b'
usage 2 "--name '' is not valid: it is empty*" "--name empty" run "$good" --name ''
usage 2 "--name '../x' is not valid: a '.'*" "--name with a path" run "$good" --name ../x
usage 2 "run: --name is given twice*" "--name twice" run "$good" --name a --name b
usage 2 "run: --set needs a value; usage: *" "--set without a value" run "$good" --set
usage 2 "run: --report needs a value; usage: *" "--report without a value" run "$good" --report
usage 2 "run: unknown option --nmae; usage: *" "unknown option" run "$good" --nmae x
usage 2 "run: it has no option --json*" "another command's option" run "$good" --json
usage 2 "run: something is missing*" "no topology" run
usage 2 "run: 'x' is one word too many*" "a word too many" run "$good" x
usage 2 "unknown command 'rum'*" "unknown command" rum
usage 2 "no command*" "no command"
usage 2 "kill: 'NOSIG' is not a signal*" "unknown signal" kill g s --signal NOSIG
usage 2 "'x/y' can't be the name of a group*" "a bad group name" status x/y
usage 11 "there is no group 'none$$'*" "status of no group" status "none$$"
usage 11 "there is no group 'none$$'*" "stop of no group" stop "none$$"
usage 11 "there is no group 'none$$'*" "kill in no group" kill "none$$" s
usage 11 "there is no group 'none$$'*" "restart in no group" restart "none$$" s
is "help is on standard output, with every exit status" "$("$shmsup" --help 2>/dev/null | grep -cE '^ +[0-9]+  ')" 16
is "nothing left" "$(left "$base-bad")" ""
