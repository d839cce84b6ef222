#!/bin/sh
# Checks every model here with Spin: without a mistake nothing may be found, and each seeded mistake that the model knows
# (SEED_…) must be. Variants (VARIANT_…) are checked like the model itself. TAP; Spin's words on what failed on stderr.
set -u
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
n=0

# MODEL [OPTION]: the errors found in the whole space of states, as a number; "cut" if it was not gone through.
search() {
	(
		cd "$work" && rm -rf run && mkdir run && cd run || exit 1
		spin -a ${2:+-D"$2"} "$1" >spin.log 2>&1 && "${CC:-cc}" -O1 -w -DSAFETY -DMEMLIM=4096 -o pan pan.c ||
			{ cat spin.log >&2; echo cut; exit; }
		./pan -m1000000 >out 2>&1
		if grep -Eq 'max search depth too small|out of memory|reached -DMEMLIM' out; then
			echo cut
		else
			sed -n 's/.*, errors: \([0-9]*\)$/\1/p' out
		fi
	)
}
states() {
	sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/run/out" | tail -n 1
}
tell() {
	n=$((n + 1))
	echo "$1 $n - $2"
	[ "$1" = ok ] || { cat "$work/run/out" >&2; tail -n 40 "$work/run/"*.trail >&2; }
}

# The functions that the model's header names, after the file they are in: those that are not there.
missing() {
	sed -n '/Stands for:/,/^ \*$/p' "$1" | tr -c 'a-zA-Z0-9_./' '\n' |
		awk '/^shmchan\/.*\.[ch]$/ { file = $0; next } /_/ && file { print file, $0 }' |
		while read -r file function; do
			grep -q "\<$function(" "$here/../../$file" || echo "$function in $file"
		done
}

for model in "$here"/*.pml; do
	name=$(basename "$model" .pml)
	model=$(realpath "$model")
	gone=$(missing "$model")
	n=$((n + 1))
	[ -z "$gone" ] && echo "ok $n - $name: the functions it stands for are there" ||
		echo "not ok $n - $name stands for functions that are not there: $gone"
	for option in '' $(grep -o '\<VARIANT_[A-Z_]*' "$model" | sort -u); do
		found=$(search "$model" "$option")
		[ "$found" = 0 ] && v=ok || v='not ok'
		tell "$v" "$name${option:+, $option}: $(states) states, $found errors"
	done
	for option in $(grep -o '\<SEED_[A-Z_]*' "$model" | sort -u); do
		found=$(search "$model" "$option")
		case $found in 0 | cut | '') v='not ok' ;; *) v=ok ;; esac
		tell "$v" "$name: the seeded mistake $option is found, after $(states) states"
	done
done
echo "1..$n"
