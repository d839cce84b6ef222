#!/bin/bash
# Under s6: the scripts of supervisor/examples, by the real s6-supervise where it is installed.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-s6
PATH=$BUILD/bin:$PATH
export SHMSUP_DIR=$dir
adopted() { [ "$(status_of "$g" | jq .adoptions)" = "$1" ]; }
pids_of() { status_of "$g" | jq -c '[.services[] | [.pid, .incarnation]]'; }
supervisor() { status_of "$g" | jq .supervisor_pid; }
cat >"$dir/$g.yaml" <<END
group: s6
services:
  - {name: a, command: $actor, args: [idle]}
  - {name: b, command: $actor, args: [idle], depends_on: [a]}
END
for script in s6-run s6-finish; do
	sh -n "supervisor/examples/$script"
	is "$script: its syntax" $? 0
done
# stays STATUS: what finish says of an end with it.
stays() { sh supervisor/examples/s6-finish "$1" 0; }
for status in $(seq 0 15) 256; do
	stays "$status"
	case $status in
	1 | 4 | 11 | 12 | 13 | 256) is "ended with $status: it is started again" $? 0 ;;
	*) is "ended with $status: it stays down" $? 125 ;;
	esac
done

service=$dir/service/$g
mkdir -p "$service"
cp supervisor/examples/s6-run "$service/run"
cp supervisor/examples/s6-finish "$service/finish"
if command -v s6-supervise >/dev/null; then
	s6-supervise "$service" >"$dir/s6.out" 2>&1 &
else
	# As s6 does it: run, finish, and run again unless that says 125.
	(
		cd "$service" || exit 1
		until [ "${finish:-0}" = 125 ]; do
			./run >"$dir/s6.out"
			status=$?
			./finish $((status > 128 ? 256 : status)) 0
			finish=$?
		done
	) &
fi
s6=$!
pids+=("$s6")
until_true all_ready "$g"
ok 0 "the group runs"
before=$(pids_of)
for n in 1 2 3; do
	kill -9 "$(supervisor)"
	until_true adopted $n
done
is "its supervisor was killed three times: s6 starts it again, it adopts, services run on" "$(pids_of)" "$before"
"$shmsup" upgrade "$g" >/dev/null
is "upgraded: s6 sees the same process" "$?,$(pids_of)" "0,$before"
"$shmsup" kill "$g" b >/dev/null
again() { [ "$(status_of "$g" | jq -c '[.services[].incarnation]')" = '[1,2]' ] && all_ready "$g"; }
until_true again
"$shmsup" stop "$g" >/dev/null
if command -v s6-supervise >/dev/null; then
	is_down() { s6-svstat -o up "$service" | grep -qx false && ! s6-svstat -o wantedup "$service" | grep -qx true; }
	until_true is_down
	ok 0 "stopped: s6 lets it be"
	s6-svc -x "$service"
fi
ended "$s6"
is "and nothing is left" "$(left "$g")" ""
