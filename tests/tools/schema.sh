#!/bin/bash
# What every command really prints with -j is what its schema says: each of them is run, and validated.
. "$(dirname "$0")/tap.sh"
G=schema-test-$$
actor=$(realpath "$BUILD/test/sup_actor")
python3 -c 'import jsonschema' 2>/dev/null || {
	echo 'Bail out! python3-jsonschema is missing; make deps installs it'
	exit 1
}
cat >"$work/t.yaml" <<YAML
group: t
services:
  - {name: src, command: $actor, args: [send, line, one, two, crash, four]}
  - {name: obey, command: $actor, args: [obey, line], spare: 1}
channels:
  - {name: line, kind: spsc, capacity: 8, message_size: 16, producers: [src], consumers: [obey]}
YAML
tool -j schema
cp "$work/out" "$work/schemas"
jq -r 'keys[]' "$work/schemas" >"$work/all"
: >"$work/seen"

# valid COMMAND ARGUMENT...: runs `shmtool -j COMMAND ARGUMENT...`, COMMAND as the schemas name it, and validates each
# document it prints; at least one, and of a list at least one row.
valid() {
	local command=$1 words
	shift
	read -ra words <<<"$command"
	"$shmtool" -j "${words[@]}" "$@" >"$work/out" 2>"$work/err"
	status=$?
	echo "$command" >>"$work/seen"
	printf '%s\t%s\n' "$command" "$work/out" >&3
	read -r -t 60 answer <&4
	[ "$answer" = valid ] || { echo "# $answer"; return 1; }
}
# One that validates all: most of the time of a short run is python's start.
cat >"$work/validate.py" <<'PY'
import json, jsonschema, sys
schemas = json.load(open(sys.argv[1]))
def validate(command, path):
    schema = schemas[command]
    validator = jsonschema.Draft202012Validator(schema)
    validator.check_schema(schema)
    docs = [json.loads(line) for line in open(path)]
    assert docs, 'nothing was printed'
    assert len(docs) == 1 or 'each line' in schema['title'], 'more than one document'
    for doc in docs:
        assert doc != [], 'no row was printed'
        validator.validate(doc)
for line in sys.stdin:
    try:
        validate(*line.rstrip('\n').split('\t'))
        print('valid', flush=True)
    except Exception as e:
        print(' '.join(f'{type(e).__name__}: {e}'.split()), flush=True)
PY
mkfifo "$work/ask" "$work/told"
python3 "$work/validate.py" "$work/schemas" <"$work/ask" >"$work/told" &
exec 3>"$work/ask" 4<"$work/told"

begin $G 50
say start
say flow
say hold
say fill
check 'batch' valid batch - <<<"chan list $G"
check 'schema' valid schema
check 'version' valid version
check 'group list' valid 'group list'
check 'group show' valid 'group show' $G
check 'service list' valid 'service list' $G
check 'service show' valid 'service show' $G producer
check 'chan list' valid 'chan list' $G
check 'chan show' valid 'chan show' $G work
check 'chan watch' valid 'chan watch' $G work --count 2 --interval 0.01
check 'chan peek' valid 'chan peek' $G work
check 'chan tail' valid 'chan tail' $G work --queued --count 3
check 'chan record' valid 'chan record' $G work "$work/rec" --queued --count 3
check 'pool list' valid 'pool list' $G
check 'pool show' valid 'pool show' $G blocks
check 'pool owners' valid 'pool owners' $G blocks
check 'pool classes' valid 'pool classes' $G blocks
check 'pool accounts' valid 'pool accounts' $G blocks
check 'dead list' valid 'dead list' $G
check 'dead show' valid 'dead show' $G 1
check 'why' valid why $G work --seconds 0.01
"$shmtool" probe show $G --seconds 0.01 >/dev/null 2>"$work/noprobes"
if [ $? = 6 ]; then
	check 'probe show # SKIP no probes here' true
	check 'probe hist # SKIP no probes here' true
	check 'probe alerts # SKIP no probes here' true
	printf 'probe show\nprobe hist\nprobe alerts\n' >>"$work/seen"
else
	check 'probe show' valid 'probe show' $G --seconds 0.1 --every 1
	check 'probe hist' valid 'probe hist' $G --seconds 0.1 --every 1
fi
printf '\377\377\377' | dd of="/dev/shm/shmchan.$G.back" bs=1 seek=512 conv=notrunc status=none
check 'check' valid check $G
end

sup_begin "$G" "$work/t.yaml"
until "$shmsup" status -j "$G" | jq -e '.services[1].spare.waits' >/dev/null || ! kill -0 "$supervisor"; do sleep 0.01; done
check 'service show, with a spare' valid 'service show' $G obey
check 'which is there' json '.spare_state' '"spare"'
"$shmsup" stop "$G" src >/dev/null
"$shmsup" stop "$G" obey >/dev/null
check 'chan inject' valid 'chan inject' $G line --data one
"$shmtool" chan record $G line "$work/rec" --queued --count 1 >/dev/null 2>&1
check 'chan replay' valid 'chan replay' $G line "$work/rec" --rate full
check 'chan drain' valid 'chan drain' $G line
check 'dead replay' valid 'dead replay' $G 1
check 'dead drop' valid 'dead drop' $G all
if [ "$(grep -c 'probe alerts' "$work/seen")" = 0 ]; then
	"$shmsup" start "$G" obey >/dev/null
	# The end of a service is an alert. It is seen only by who watches, and a service that ends again and again is given up.
	: >"$work/err"
	(
		until grep -q watching "$work/err"; do sleep 0.02; done
		until "$shmtool" chan inject $G line --data c >/dev/null 2>&1; do sleep 0.02; done
	) &
	feeder=$!
	check 'probe alerts' valid 'probe alerts' $G --seconds 300 --count 1
	kill $feeder 2>/dev/null
	wait $feeder 2>/dev/null
fi
check 'every command was validated' is "$(sort -u "$work/seen" | comm -13 - <(sort "$work/all") | tr '\n' ',')" ''

# -f chooses keys of the schema too; -p prints the same.
tool chan list --schema -f depth,name
check 'schema of chosen fields' json '.items.required' '["depth","name"]'
"$shmtool" -p chan list "$G" | jq -c . >"$work/pretty"
"$shmtool" -j chan list "$G" >"$work/plain"
check '-p tells the same as -j' cmp "$work/pretty" "$work/plain"
while read -r command; do
	read -ra words <<<"$command"
	"$shmtool" "${words[@]}" --schema -p >"$work/out" 2>"$work/err"
	status=$?
	check "--schema of $command is that of all" is "$(jq -c . "$work/out")" "$(jq -c --arg c "$command" '.[$c]' "$work/schemas")"
done <"$work/all"
for words in graph top metrics manual completion 'dead dump' 'probe attach' 'probe detach'; do
	# shellcheck disable=SC2086  # one or two words
	tool $words --schema
	check "$words has none" refused 2 'has no JSON'
done
sup_end
check 'the group ended well' is $? 0
plan
