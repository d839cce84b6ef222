#!/bin/bash
# Every mistake has its own line that names the bad word, and its documented exit status; of every command.
. "$(dirname "$0")/tap.sh"
G=errors-test-$$
n=0

# bad STATUS TEXT ARGUMENT...
bad() {
	local want=$1 text=$2
	shift 2
	tool "$@"
	n=$((n + 1))
	if [ "$status" = "$want" ] && [ "$(wc -l <"$work/err")" = 1 ] && [ ! -s "$work/out" ] && grep -qF -- "$text" "$work/err" &&
		grep -q '^shmtool: ' "$work/err"; then
		return 0
	fi
	echo "# shmtool $*: status $status, want $want, with: $text"
	sed 's/^/#   /' "$work/err" "$work/out"
	return 1
}

begin $G 5
say start
say flow

# The table of commands, as the program prints it: object, verb, and what its arguments are called.
"$shmtool" manual | sed -n '/^\.SH SYNOPSIS/,/^\.SH DESCRIPTION/s/^\\fBshmtool\\fR //p' | sed 's/\\-/-/g' >"$work/synopsis"
check 'the table is not empty' test "$(wc -l <"$work/synopsis")" -ge 30

while read -r line; do
	words=()
	for word in $line; do
		case $word in '['* | [A-Z]*) break ;; *) words+=("$word") ;; esac
	done
	args=()
	for word in ${line%%\[--*}; do
		case $word in
		CHANNEL) args+=(work) ;;
		SERVICE) args+=(producer) ;;
		POOL) args+=(blocks) ;;
		NUMBER) args+=(1) ;;
		FILE) args+=("$work/file") ;;
		esac
	done
	name="${words[*]}"
	check "$name: unknown option" bad 2 "unknown option '--colour'" "${words[@]}" --colour
	check "$name: unknown short option" bad 2 "unknown option '-y'" "${words[@]}" -y
	case $line in
	*'[GROUP]'*)
		if [ "$name" = 'probe detach' ]; then # of groups that have ended, too
			check "$name: unknown group" bad 7 "nothing is attached to group '$G-none'" "${words[@]}" "$G-none"
		else
			check "$name: unknown group" bad 3 "no group '$G-none'" "${words[@]}" "$G-none" "${args[@]}"
		fi
		check "$name: a group that can be none" bad 3 "'Not/A/Group' is not the name of a group" "${words[@]}" Not/A/Group "${args[@]}"
		check "$name: too many words" bad 2 "'more' is one word too many" "${words[@]}" "$G" "${args[@]}" more
		;;
	*) check "$name: too many words" bad 2 "'more' is one word too many" "${words[@]}" "${args[@]}" more ;;
	esac
	[ ${#args[@]} = 0 ] || check "$name: too few words" bad 2 'usage:' "${words[@]}"
	if "$shmtool" "${words[@]}" --schema >/dev/null 2>&1 && [ "$(jq -r '.properties // .items.properties | length' <("$shmtool" "${words[@]}" --schema))" != 0 ] &&
		[ "$name" != batch ]; then
		case $name in 'probe show' | 'probe hist' | schema) ;; *)
			check "$name: unknown field" bad 2 "unknown field 'colour'" "${words[@]}" -f colour $([ "${line#*GROUP}" = "$line" ] || echo "$G") "${args[@]}"
			;;
		esac
	fi
done <"$work/synopsis"

check 'unknown object' bad 2 "unknown object 'queue', known: group," queue list
check 'no object' bad 2 'an object and a verb are missing'
for object in group service chan pool dead probe; do
	check "$object: unknown verb" bad 2 "unknown verb 'lits', known: " $object lits
	check "$object: no verb" bad 2 'a verb is missing, one of: ' $object
done
check 'an option without its argument' bad 2 "option '--count' needs an argument" chan watch $G work --count
check 'an option that takes none' bad 2 "'--queued=5'" chan tail $G work --queued=5
check 'channel' bad 7 "no channel 'nowhere' in group '$G'; there are: work, back, idle" chan show $G nowhere
check 'service' bad 7 "no service 'nobody'" service show $G nobody
check 'pool' bad 7 "no pool 'puddle'" pool show $G puddle
check 'letter' bad 7 'no dead letter 1: there is none' dead show $G 1
for number in 'chan watch:--interval' 'chan watch:--count' 'chan peek:--count' 'chan peek:--bytes' 'chan tail:--count' \
	'chan tail:--seconds' 'chan tail:--bytes' 'chan drain:--limit' 'why:--seconds'; do
	read -ra words <<<"${number%:*}"
	option=${number#*:}
	check "$number" bad 2 "${option#--} 'x' is not a number from " "${words[@]}" $G work "$option" x
done
check 'replay: a rate' bad 2 "rate 'x' is not a number from " chan replay $G work "$work/none" --rate x
check 'record: a size' bad 2 "size 'x' is not a number from " chan record $G work "$work/none" --size x
check 'replay: no file' bad 1 "cannot read '$work/none': No such file" chan replay $G work "$work/none"
check 'record: no folder' bad 1 "cannot write '/nowhere/x': No such file" chan record $G work /nowhere/x
check 'batch: no file' bad 1 "cannot read '$work/none': No such file" batch "$work/none"
printf 'version -f version\nchan lits\nversion\n' >"$work/file"
tool batch "$work/file"
check 'batch stops at the line that fails, and names it' is "$status $(cat "$work/err")" \
	"2 shmtool: $work/file:2: chan: unknown verb 'lits', known: $("$shmtool" chan lits 2>&1 | sed 's/.*known: //')"
check 'after what came before' is "$(wc -l <"$work/out")" 1
tool batch "$work/file" --keep-going
check '--keep-going goes on, and remembers' is "$status $(wc -l <"$work/out")" '2 10'
tool -j batch "$work/file" --keep-going
check 'batch -j' json '[.[] | [.line,.command,.status,.output != null]]' \
	'[[1,"version -f version",0,true],[2,"chan lits",2,false],[3,"version",0,true]]'
printf "chan list 'x\n" >"$work/file"
tool batch "$work/file"
check 'a quote without its second' refused 2 "line 1 of $work/file has a ' without its second"
printf 'batch x\n' >"$work/file"
tool batch "$work/file"
check 'no batch in a batch' refused 2 'a batch within a batch'
printf '# nothing\n\n  "version"  -f   "version" # end\n' >"$work/file"
tool batch "$work/file"
check 'comments and quotes' is "$status $(wc -l <"$work/out")" '0 1'

# Every exit status of the help is documented in the manual page, with the same words.
"$shmtool" help | sed -n '/^exit status:/,$s/^  \([0-9]*\)  .*/\1/p' >"$work/a"
"$shmtool" manual | sed -n '/^\.SH EXIT STATUS/,/^\.SH PROBES/s/^\\fB\([0-9]*\)\\fR$/\1/p' >"$work/b"
check 'exit statuses: 0 to 9, in both' is "$(tr '\n' ' ' <"$work/a")$(tr '\n' ' ' <"$work/b")" '0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 '
end
check 'the group ended well' is $? 0
plan
