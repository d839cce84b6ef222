#!/bin/bash
# The supervisor dies: its services end with it, and the next run under the name clears what it left.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

begin requests=1000000
pids=
for _ in $(seq 500); do
	json=$("$shmsup" status -j "$group" 2>/dev/null)
	if [ "$(jq '[.services[] | select(.state == "ready")] | length' <<<"$json")" = 5 ]; then
		pids=$(jq -r '.services[].pid' <<<"$json")
		break
	fi
	sleep 0.02
done
ok "five services are ready" [ -n "$pids" ]
if [ -n "$pids" ]; then kill -9 "$(jq .supervisor_pid <<<"$json")"; fi
finish
ok "the supervisor was killed" [ "$status" = 137 ]
for pid in $pids; do
	ok "service $pid ends" timeout 20 tail --pid="$pid" -f /dev/null
done

run_group requests=64
ok "the next run of the name is complete" balanced 64
ok "nothing is left" nothing_left
end
