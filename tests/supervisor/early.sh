#!/bin/bash
# Deaths that are seen before the pidfd tells of them, and services that only look dead.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-e
events() { "$shmsup" events -j "$g" | jq -c "$1" | tr '\n' ' '; }
stop() {
	"$shmsup" stop "$g" >/dev/null
	ended "$pid"
}

cat >"$dir/e.yaml" <<EOF
group: e
services:
  - {name: big, command: $actor, args: [big, "64"], restart: always, max_deaths: 0}
  - {name: liar, command: $actor, args: [liar]}
  - {name: headless, command: $actor, args: [headless]}
  - {name: plain, command: sleep, args: ["1000"], ready: spawn}
EOF
# The early sign needs what its loop can wait with: io_uring for words, or threads in futex_waitv; without it all is as it was.
program=$shmsup
script=$dir/without
printf '#!/bin/sh\nexec %s %s "$@"\n' "$BUILD/test/sup_without_waitv" "$program" >"$script"
chmod 755 "$script"
for loop in io_uring poll without; do
	export SHMSUP_LOOP=${loop/without/poll}
	shmsup=$program
	[ $loop = without ] && shmsup=$script
	start "$g" "$dir/e.yaml"
	until_true all_ready "$g"
	liar=$(field "$g" liar pid) headless=$(field "$g" headless pid)
	for signal in KILL SEGV USR1 KILL KILL; do
		old=$(field "$g" big pid)
		kill -$signal "$old"
		until_true is_replaced "$g" big "$old"
		until_true in_state "$g" big ready
	done
	is "$loop: every death is told as it was" \
		"$(events 'select(.event == "death" and .service == "big") | [.incarnation, .signal]')" \
		'[1,"SIGKILL"] [2,"SIGSEGV"] [3,"SIGUSR1"] [4,"SIGKILL"] [5,"SIGKILL"] '
	is "$loop: one recovery each" "$(events 'select(.event == "recovery" and .service == "big") | .incarnation')" "1 2 3 4 5 "
	early=$(events 'select(.event == "recovery" and .service == "big" and .early) | 1' | wc -w)
	is "$loop: deaths were seen early" "$((early > 0))" "$([ $loop = without ] && echo 0 || echo 1)"
	is "$loop: threads of the supervisor" "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" "$([ $loop = poll ] && echo 2 || echo 1)"
	is "$loop: incarnation and restarts" "$(field "$g" big incarnation),$(field "$g" big respawns)" "6,5"
	is "$loop: who lies about its death lives" "$(field "$g" liar pid),$(field "$g" liar incarnation)" "$liar,1"
	is "$loop: and who has only lost its first thread" "$(field "$g" headless pid),$(field "$g" headless incarnation)" "$headless,1"
	kill -9 "$liar" "$headless" "$(field "$g" plain pid)"
	until_true is_replaced "$g" liar "$liar"
	until_true is_replaced "$g" headless "$headless"
	until_true all_ready "$g"
	is "$loop: they die as others do" "$(field "$g" liar incarnation),$(field "$g" headless incarnation),$(field "$g" plain incarnation)" "2,2,2"
	# Killed, with the memory of one being taken down when the next one comes.
	big=$(field "$g" big pid)
	kill -9 "$big" "$pid"
	ended "$pid"
	start "$g" "$dir/e.yaml" --adopt
	until_true is_replaced "$g" big "$big"
	until_true all_ready "$g"
	is "$loop: adopted while a service was dying" "$(field "$g" big incarnation),$(field "$g" liar incarnation)" "7,2"
	stop
	is "$loop: exit status" "$status" 0
	is "$loop: nothing left" "$(left "$g")" ""
done
