#!/bin/bash
# What services write, in files: read, followed, rotated by size without a byte lost.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-l
cat >"$dir/talk" <<'EOF'
#!/bin/bash
# talk FROM TO: numbered lines, in bursts; then for ever nothing.
trap 'exit 0' TERM
for ((i = $1; i <= $2; i++)); do
	echo "line $i of what a service has to say, so long that a few of them fill a small log"
	[ $((i % 50)) != 0 ] || sleep 0.05
done
echo "and an error" >&2
while kill -0 $PPID 2>/dev/null; do sleep 1; done
EOF
chmod +x "$dir/talk"
# one KEEP TO
one() {
	cat >"$dir/one.yaml" <<EOF
group: one
services:
  - {name: talker, command: $dir/talk, args: ["1", "$2"], ready: spawn}
  - {name: other, command: $actor, args: [order, other]}
  - {name: loud, command: $actor, args: [order, loud], log: inherit}
  - {name: silent, command: $actor, args: [order, silent], log: none}
logs: {folder: $dir/logs, max_size: 4096, keep: $1}
EOF
}
logs() { "$shmsup" logs "$g" "$@"; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}
said_all() { logs talker | grep -q 'and an error'; }

one 1000 1000
start "$g" "$dir/one.yaml"
until_true in_state "$g" talker ready
"$shmsup" logs -f "$g" talker >"$dir/follow" &
follower=$!
until_true said_all
rotated() { [ -e "$dir/logs/talker.log.1" ]; }
until_true rotated
is "rotated while it was written to, and no line is lost, doubled or torn" \
	"$(logs talker | awk '/^line/ { n++; if ($2 != n) bad++ } END { print n, bad + 0 }')" "1000 0"
is "standard error goes there too" "$(logs talker | tail -n 1)" "and an error"
is "the log takes what its content takes" "$(($(stat -c '%b' "$dir/logs/talker.log") * 512 < $(stat -c '%s' "$dir/logs/talker.log") || $(stat -c '%s' "$dir/logs/talker.log") < 8192))" 1
is "logs are the user's alone" "$(stat -c '%a' "$dir/logs/"* | sort -u)" 600
is "all of them, each line with its service" "$(logs | grep -c '^talker | line')$(logs | grep '^other')" "1000other  | up other"
is "who inherits has none" "$(logs loud 2>&1),$(cat "$dir/$g.out")" "shmsup: group '$g' keeps no log of a service 'loud',up loud"
is "nor who is silent" "$(find "$dir/logs" -name 'silent*')" ""
"$shmsup" kill "$g" talker >/dev/null
again() { [ "$(logs talker | grep -c 'line 1 ')" = 2 ]; }
until_true again
ok 0 "another incarnation goes on in the same file"
stop
wait $follower
is "a follower ends with the group, and has seen all" "$(awk '/^line/ { n++; if ($2 != n && n <= 1000) bad++ } END { print (n >= 1000), bad + 0 }' "$dir/follow")" "1 0"
is "the logs stay" "$(find "$dir/logs" -name other.log)" "$dir/logs/other.log"

rm -rf "$dir/logs"
one 2 400
start "$g" "$dir/one.yaml"
until_true said_all
# Each incarnation says it again, until there was enough for two files.
two() { [ -e "$dir/logs/talker.log.2" ] || { "$shmsup" kill "$g" talker >/dev/null && false; }; }
until_true two
is "no more old files than that" "$(find "$dir/logs" -name 'talker.log.[3-9]*' -o -name '*.part')" ""
stop

rm -rf "$dir/logs"
one 0 300
start "$g" "$dir/one.yaml"
until_true said_all
small() { [ "$(logs talker | wc -c)" -lt 8192 ]; }
until_true small
is "keep: 0 keeps none" "$(find "$dir/logs" -name '*.log.*')" ""
stop

echo >"$dir/file"
sed "s|folder: .*logs,|folder: $dir/file/x,|" "$dir/one.yaml" >"$dir/bad.yaml"
"$shmsup" run "$dir/bad.yaml" --name "$g" 2>"$dir/err"
is "a folder that can't be made: exit status, words" "$?,$(cat "$dir/err")" \
	"1,shmsup: can't make the folder of logs $dir/file/x: Not a directory; nothing was started"
cat >"$dir/none.yaml" <<EOF
group: none
services: [{name: a, command: $actor, args: [idle]}]
EOF
start "$g" "$dir/none.yaml"
until_true all_ready "$g"
is "a group without logs says so" "$(logs 2>&1)" \
	"shmsup: group '$g' keeps no logs: its topology has no \`logs\` with a folder, its services write to the output of \`shmsup run\`"
stop
