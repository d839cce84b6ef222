#!/bin/bash
# A service that dies soon after each start: at once thrice, then after delays that double; health begins this again.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
g=$base-b
cat >"$dir/b.yaml" <<EOF
group: b
services:
  - {name: well, command: $actor, args: [idle]}
  - {name: it, command: $actor, args: [when, "$dir/die", "1"], max_deaths: MAX, window_ms: 60000}
EOF
topology() { sed "s/MAX/$1/" "$dir/b.yaml" >"$dir/b$1.yaml"; }
its() { "$shmsup" events -j "$g" | jq -c "select(.service == \"it\") | $1"; }
failed() { in_state "$g" it failed; }
deaths() { [ "$(its 'select(.event == "death") | .seq' | wc -l)" -ge "$1" ]; }
# The delays that were computed, as how often 10 ms they are without jitter, which takes at most a quarter off.
doublings() { its 'select(.event == "backoff") | .delay_ms' | awk '{ n = 1; while (10 * n < $1) n *= 2; print ($1 >= 7.5 * n ? n : "less") }' | tr '\n' ' '; }

topology 6
touch "$dir/die"
start "$g" "$dir/b6.yaml"
until_true failed
is "the whole life of one that always dies" "$(its .event | tr -d '"' | tr '\n' ' ' | sed 's/death recovery /death /g')" \
	"start ready death respawn ready death respawn ready death respawn ready death backoff respawn ready death backoff respawn ready death backoff respawn ready death failed "
is "its delays: 10, 20 and 40 ms, with their jitter" "$(doublings)" "1 2 4 "
is "each of its deaths is its own" "$(its 'select(.event == "death") | [.exit_status, .asked]' | sort | uniq -c | tr -s ' ')" " 7 [1,false]"
is "the other runs on as its first incarnation" "$(field "$g" well state),$(field "$g" well incarnation)" "ready,1"
"$shmsup" stop "$g" >/dev/null
ended "$pid"

topology 100
start "$g" "$dir/b100.yaml"
until_true deaths 5
rm "$dir/die"
# Two seconds are health: its own words say how long it has been ready.
is_well() { in_state "$g" it ready && [ "$(field "$g" it seconds | cut -d. -f1)" -ge 2 ]; }
until_true is_well
before=$(doublings | wc -w) died=$(its 'select(.event == "death") | .seq' | wc -l)
touch "$dir/die"
until_true deaths $((died + 6))
rm "$dir/die"
again() { doublings | cut -d' ' -f$((before + 1))-$((before + 2)); }
is "after health: four deaths without a delay, and the delays begin anew" "$(again)" "1 2"
is "after health: the first death was that of a healthy one" \
	"$(its 'select(.event == "death") | .lived_ms >= 2000' | sed -n "$((died + 1)),$((died + 2))p" | tr '\n' ' ')" "true false "
is "after health: which deaths were followed at once" \
	"$(its .event | tr -d '"' | grep -A1 recovery | grep -v -e -- -e recovery | sed -n "$((died + 1)),$((died + 6))p" | tr '\n' ' ')" \
	"respawn respawn respawn respawn backoff backoff "
"$shmsup" stop "$g" >/dev/null
ended "$pid"
