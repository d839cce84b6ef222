#!/bin/bash
# The whole job in both forms: every request gets the verdict of its case. Then while services are killed.
# shellcheck source=tests/node/lib.sh
. "$(dirname "$0")/lib.sh"

n=${REQUESTS:-2000}
for form in overlapped plain; do
	run_group requests="$n" form="$form"
	ok "$form: $n requests balance" balanced "$n"
	ok "$form: each valid block is valid" is .valid "$(valid_of "$n")"
	ok "$form: no dead letter" is .dead_letters 0
	ok "$form: nobody was replaced" is .respawns 0
	ok "$form: nothing is left" nothing_left
	say "$form: $(summary), $(report '(.sent / .seconds * 10 | round) / 10') a second"
done

run_group requests="$n" workers=3 chaos=on
ok "chaos: $n requests balance" balanced "$n"
ok "chaos: somebody was replaced" [ "$(report .respawns)" -gt 0 ]
ok "chaos: nothing is left" nothing_left
say "chaos: $(summary)"

run_group requests=0
ok "no requests: complete at once" balanced 0
run_group requests=1 workers=1
ok "one request, one worker" balanced 1
ok "nothing is left" nothing_left
end
