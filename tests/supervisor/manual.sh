#!/bin/bash
# What is made from the tables: JSON schema, manual pages, completion, the picture of `check`; and the examples, run.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

PATH=$BUILD/test:$PATH # of example-upper

# JSON schema: takes every topology that is shipped, and refuses what `check` refuses in form.
"$shmsup" schema >"$dir/schema.json"
is "schema: exit status" $? 0
is "schema: draft" "$(jq -r '."$schema"' "$dir/schema.json")" "https://json-schema.org/draft/2020-12/schema"
valid() { python3 tests/supervisor/schema.py "$dir/schema.json" "$@" 2>&1; }
shipped=(procs/topologies/*.yaml supervisor/examples/*.yaml tests/supervisor/*.yaml)
valid "${shipped[@]}" >"$dir/valid"
is "schema: every shipped topology is valid" "$(grep -vc ': valid$' "$dir/valid")" 0
is "schema: and there are some" "$(grep -c ': valid$' "$dir/valid")" ${#shipped[@]}
# wrong SED-SCRIPT NAME: users.yaml with a mistake, refused by check, and by the schema further down, which is asked once.
mistakes=()
wrong() {
	local file="$dir/wrong-${#mistakes[@]}.yaml"
	sed "$1" supervisor/examples/users.yaml >"$file"
	cmp -s "$file" supervisor/examples/users.yaml && ok 1 "$2: the change changes something"
	"$shmsup" check "$file" >/dev/null 2>&1
	is "check: $2" $? 3
	mistakes+=("$2")
}
wrong 's/^group: users/groop: users/' "unknown key"
wrong 's/^group: users//' "no group"
wrong 's/^group: users/group: [users]/' "a list for a word"
wrong 's/    user: nobody/&\n    usr: x/' "unknown key of a service"
wrong 's/    args: \[idle\]/    args: idle/' "a word for a list"
wrong 's/seccomp: strict/seccomp: stricter/' "unknown word"
wrong 's/memory_limit: 256M/memory_limit: 256X/' "unknown unit"
wrong 's/nofile: 64/nofile: many/' "a word for a limit"
wrong 's/nofile: 64/files: 64/' "unknown limit"
wrong 's/cpus: "0"/cpus: "0-"/' "half a range"
wrong 's/nice: 5/nice: 20/' "a number beyond its bounds"
wrong 's/nice: 5/nice: 5.5/' "a broken number"
wrong 's/stop_timeout_ms: 1000/stop_timeout_ms: -1/' "a negative time"
wrong 's/kind: slot/kind: slots/' "unknown kind"
wrong '0,/kind: spsc/s//capacity: 0/' "no kind and no capacity"
wrong 's/strategy: one-for-all /strategy: all /' "unknown strategy"
wrong 's/services: \[keys, gate\]/services: []/' "an empty strategy"
wrong 's/max_restarts: 10/max_restarts: ten/' "a word for a number"
wrong 's/producers: \[gate\]/producers: []/' "no producers"
wrong 's/^channels:/channels: 5\nxchannels:/' "a number for a section"
files=("${!mistakes[@]}")
files=("${files[@]/#/$dir/wrong-}")
valid "${files[@]/%/.yaml}" >"$dir/valid"
for i in "${!mistakes[@]}"; do
	like "schema: ${mistakes[i]}" "$(sed -n "$((i + 1))p" "$dir/valid")" "$dir/wrong-$i.yaml: not valid: *"
done

# The manual: no warnings, everything in it.
for page in man1/shmsup.1 man5/shmsup-topology.5; do
	MANWIDTH=200 LC_ALL=C man --warnings -l "$BUILD/share/man/$page" 2>"$dir/warnings" | col -b >"$dir/${page##*/}"
	is "$page: no warnings" "$(cat "$dir/warnings")" ""
	is "$page: every section has text" "$(grep -A1 -E '^[A-Z]' "$dir/${page##*/}" | grep -cE '^ {3,}')" \
		"$(grep -cE '^[A-Z][A-Z ,]+$' "$dir/${page##*/}")"
done
for option in $("$shmsup" help | grep -oE '^  shmsup .*' | grep -oE -- '--[a-z]+' | sort -u); do
	is "shmsup.1 explains $option" "$(grep -cE "^       $option( [A-Z=]+)?( |$)" "$dir/shmsup.1")" 1
done
for command in $("$shmsup" help | awk '$1 == "shmsup" && NF > 1 && !seen[$2]++ {print $2}'); do
	[ "$command" = starts ] && continue
	is "shmsup.1 explains $command" "$(sed -n '/^COMMANDS/,/^OPTIONS/p' "$dir/shmsup.1" | grep -cE "^       $command( |$)")" 1
done
for verb in $(grep -oE '\{"[a-z-]+", (group_)?verb_' supervisor/group_verbs.c | grep -oE '[a-z-]+"' | tr -d '"'); do
	like "shmsup.1 has the request $verb" "$(sed -n '/^CONTROL SOCKET/,/^EXAMPLES/p' "$dir/shmsup.1" | grep -c "{\"verb\": \"$verb\"")" "[1-9]*"
done
for status in $(seq 0 14); do
	is "shmsup.1 explains exit status $status" "$(sed -n '/^EXIT STATUS/,/^SIGNALS/p' "$dir/shmsup.1" | grep -cE "^       $status ")" 1
done
for key in $(jq -r '.properties | keys[], (.services, .channels, .pools, .strategies | .items.properties | keys[]),
		(.logs, .job, .chaos | .properties | keys[])' "$dir/schema.json" | sort -u); do
	like "shmsup-topology.5 explains $key" "$(grep -cE "^       $key( |$)" "$dir/shmsup-topology.5")" "[1-9]*"
done
for kind in $(jq -r '.properties.channels.items.properties.kind.anyOf[0].enum[]' "$dir/schema.json"); do
	like "shmsup-topology.5 explains kind $kind" "$(sed -n '/^KINDS/,/^USERS/p' "$dir/shmsup-topology.5" | grep -A1 -E "^       $kind( |$)" | xargs)" "$kind ?*"
done
is "no other example" "$("$shmsup" manual "$dir/none" 2>&1)" "shmsup: manual: can't read $dir/none: No such file or directory"

# Completion, as bash asks for it.
# shellcheck source=/dev/null
. "$BUILD/share/bash-completion/completions/shmsup"
# completes WORD... : what is offered for the last one
completes() {
	COMP_WORDS=("$shmsup" "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_shmsup
	echo "${COMPREPLY[*]}"
}
like "completion: commands" " $(completes '') " "* run *check *"
is "completion: a command begun" "$(completes sche)" schema
like "completion: options of run" " $(completes run x.yaml --) " "* --name * --report *"
is "completion: an option begun" "$(completes run --se)" --set
is "completion: no options of others" "$(completes status --se)" ""
is "completion: files" "$(completes check supervisor/examples/up | xargs -n1 | sort | xargs)" "supervisor/examples/upper.c supervisor/examples/upper.yaml"
like "completion: signals" "$(completes kill g s --signal SIGUS)" "SIGUSR1 SIGUSR2"

# The examples.
for f in supervisor/examples/*.yaml; do
	out=$("$shmsup" check "$f" 2>&1)
	is "$f: check" $? 0
done
out=$("$shmsup" check supervisor/examples/upper.yaml)
like "check draws the head" "$out" "group upper: 4 services, 3 channels, 0 pools; * of shared memory"$'\n'"*"
like "check draws steps" "$out" "*start, step 1:"$'\n'"  service upper-1: *start, step 2:"$'\n'"  service feed: example-upper feed 1000 2  (after upper-1, upper-2, print)*"
like "check draws channels" "$out" "*  feed -> \\[lines-1: spsc, 64 x 128 B, * KiB, alert at 60\\] -> upper-1*"
like "check draws many producers" "$out" "*  upper-1, upper-2, feed -> \\[out: mpsc, *\\] -> print*"
out=$("$shmsup" check supervisor/examples/users.yaml)
like "check draws rights" "$out" "*service keys: example-upper idle, user 65534, filtered strictly, 3 limits*"
like "check draws strategies" "$out" "*restarted together:"$'\n'"  signing: one-for-all of keys, gate*"

out=$("$shmsup" run supervisor/examples/upper.yaml --name "$base-upper" 2>"$dir/upper.err")
is "upper.yaml: exit status" $? 0
like "upper.yaml: its end" "$out" "*sent 1000, printed 1000, lost 0; 0 respawns; the counts balance"
is "upper.yaml: its lines" "$(grep -c '^LINE [0-9]* OF 1000$' <<<"$out")" 1000
# A sanitizer in a service makes calls that its filter refuses.
if [ "$(id -u)" = 0 ] && ! grep -q __asan_init "$BUILD/test/example-upper"; then
	chmod 711 "$dir"
	install -m 755 "$BUILD/test/example-upper" "$dir/example-upper"
	PATH=$dir:$PATH
	start "$base-users" supervisor/examples/users.yaml
	until_true all_ready "$base-users"
	like "completion: groups" " $(completes status "") " "* $base-users *"
	is "completion: services" "$(completes kill "$base-users" wat)" watcher
	before=$(field "$base-users" keys pid)
	"$shmsup" kill "$base-users" keys >/dev/null
	until_true is_replaced "$base-users" keys "$before"
	until_true all_ready "$base-users"
	is "users.yaml: its user" "$(stat -c %u "/proc/$(field "$base-users" keys pid)")" 65534
	"$shmsup" stop "$base-users" >/dev/null
	ended "$pid"
	is "users.yaml: exit status" "$status" 0
fi
is "nothing left" "$(left "$base-*")" ""
