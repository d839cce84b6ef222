#!/bin/bash
# The supervisor of the node is killed. Its services work on, and another goes on where it was; or the next run under the
# name ends them and begins anew.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

pids=
# Starts a group and kills its supervisor when all are ready; the services' pids are in $pids then.
lose_supervisor() {
	local json=
	pids=
	begin "$@"
	for _ in $(seq 500); do
		json=$("$shmsup" status -j "$group" 2>/dev/null)
		if [ "$(jq '[.services[] | select(.state == "ready")] | length' <<<"$json")" = 5 ]; then
			pids=$(jq -r '.services[].pid | select(. > 0)' <<<"$json")
			break
		fi
		sleep 0.02
	done
	ok "five services are ready" [ -n "$pids" ]
	if [ -n "$pids" ]; then kill -9 "$(jq .supervisor_pid <<<"$json")"; fi
	finish
	ok "the supervisor was killed" [ "$status" = 137 ]
}

# Whatever happens, no service outlives the test.
end_services() {
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null
	clean
}
trap end_services EXIT

lose_supervisor requests=4000
for pid in $pids; do
	ok "service $pid goes on" kill -0 "$pid"
done
first=$(head -n 1 <<<"$pids")
kill -9 "$first" # nobody sees it now
begin --adopt requests=4000
finish
ok "the adopted group is complete" balanced 4000
ok "what died meanwhile was started again, the others were not" [ "$(jq .respawns "$tmp/report")" = 1 ]
ok "nothing is left of it" nothing_left

lose_supervisor requests=1000000
run_group requests=64
for pid in $pids; do
	ok "service $pid was ended" [ ! -e "/proc/$pid/exe" ]
done
ok "the next run of the name is complete" balanced 64
ok "nothing is left" nothing_left
end
