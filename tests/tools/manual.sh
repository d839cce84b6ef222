#!/bin/bash
# The manual page formats, tells every command, and its examples run; completion offers what is there.
. "$(dirname "$0")/tap.sh"
G=manual-test-$$
PATH=$(realpath "$BUILD/bin"):$PATH

shmtool manual >"$work/shmtool.1"
if command -v man >/dev/null && command -v groff >/dev/null && command -v col >/dev/null; then
	MANWIDTH=200 LC_ALL=C man --warnings -l "$work/shmtool.1" 2>"$work/err" | col -b >"$work/out"
	check 'troff has nothing to say' test ! -s "$work/err"
	check 'every section' is "$(grep -cE '^(NAME|SYNOPSIS|DESCRIPTION|OPTIONS|COMMANDS|EXIT STATUS|PROBES|EXAMPLES|FILES|SEE ALSO)$' "$work/out")" 10
	check 'the synopsis' grep -q 'shmtool chan peek \[GROUP\] CHANNEL \[--count N\] \[--bytes B\]' "$work/out"
fi
check 'the file of the build is the same' cmp "$work/shmtool.1" "$BUILD/share/man/man1/shmtool.1"
tool help
while read -r object; do
	check "help tells of $object" grep -q "^  $object " "$work/out"
done < <(sed -n 's/^\.SS //p' "$work/shmtool.1")

begin $G 20
say start
say flow
say hold
say fill
sed -n '/^\.SH EXAMPLES/,/^\.SH FILES/s/^\\fB\(.*\)\\fR$/\1/p' "$work/shmtool.1" | sed 's/\\-/-/g; s/\\e/\\/g' >"$work/examples"
check 'there are examples' test "$(wc -l <"$work/examples")" -ge 10
attachable=$(shmtool probe show $G --seconds 0.01 >/dev/null 2>&1 && echo yes)
cat >"$work/t.yaml" <<YAML
group: t
services:
  - {name: producer, command: $(realpath "$BUILD/test/sup_actor"), args: [send, work, one, two, three]}
  - {name: consumer, command: $(realpath "$BUILD/test/sup_actor"), args: [idle]}
channels:
  - {name: work, kind: spsc, capacity: 16, message_size: 64, producers: [producer], consumers: [consumer]}
YAML
sup_begin "$G-sup" "$work/t.yaml"
cd "$work" || exit 1
while read -r example; do
	case $example in
	*'shmtool probe '*) [ -n "$attachable" ] || continue ;;
	*record* | *shmsup* | *inject* | *drain* | *replay* | *drop* | *repair*) example=${example//node/$G-sup} ;;
	esac
	bash -c "set -o pipefail; ${example//node/$G}" >"$work/out" 2>"$work/err"
	status=$?
	# There may be nothing to be alerted of.
	case $example in
	*'probe alerts'*) check "watches: $example" grep -q 'watching group' "$work/err" && check 'and ends well' is $status 0 ;;
	*) check "runs: $example" test $status = 0 -a -s "$work/out" ;;
	esac
done <"$work/examples"
cd - >/dev/null || exit 1
sup_end

# shellcheck disable=SC1090  # what the tool has just written
. <(shmtool completion)
# offers WORD...: what is offered for the last word.
offers() {
	COMP_WORDS=(shmtool "$@")
	COMP_CWORD=$#
	COMPREPLY=()
	_shmtool
	echo "${COMPREPLY[*]}"
}
check 'objects' is "$(offers ch)" 'chan check'
check 'verbs' is "$(offers chan '')" 'list show watch peek tail record replay inject drain help'
check 'verbs, begun' is "$(offers pool o)" 'owners'
check 'groups' is "$(offers chan list "$G")" "$G"
check 'groups of a command of its own' is "$(offers why "$G")" "$G"
check 'channels' is "$(offers chan show $G '')" 'work back idle'
check 'services' is "$(offers service show $G pro)" 'producer'
: >"$work/one.shmrec"
check 'files' is "$(offers chan replay $G work "$work/one")" "$work/one.shmrec"
check 'pools' is "$(offers pool owners $G '')" 'blocks'
check 'letters' is "$(offers dead show $G '')" '1'
check 'options' is "$(offers chan peek --c)" '--count'
check 'options before words count for nothing' is "$(offers -j chan watch --count 3 $G w)" 'work'
check 'fields' is "$(offers chan list -f dep)" 'depth'
check 'the second field' is "$(offers chan list -f name,dep)" 'name,depth'
check 'nothing behind the last word' is "$(offers chan list $G '')" ''
end
check 'the group ended well' is $? 0
plan
