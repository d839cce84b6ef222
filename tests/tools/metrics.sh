#!/bin/bash
# Metrics: the text, by HTTP, with histograms; names in rules and dashboard are names that are served.
. "$(dirname "$0")/tap.sh"
here=$(dirname "$0")/../..
G=metrics-test-$$
n=200

# get PATH [METHOD]: an HTTP request to $port; status line and headers in $work/head, body in $work/out.
get() {
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return
	printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "${2:-GET}" "$1" >&3
	tr -d '\r' <&3 >"$work/reply"
	exec 3>&-
	sed '/^$/q' "$work/reply" >"$work/head"
	sed '1,/^$/d' "$work/reply" >"$work/out"
}
serve() {
	: >"$work/serve"
	"$shmtool" metrics "$@" --listen 127.0.0.1:0 2>"$work/serve" &
	server=$!
	while kill -0 $server 2>/dev/null && ! grep -q 'port' "$work/serve"; do sleep 0.02; done
	port=$(sed -n 's/.*port \([0-9]*\),.*/\1/p' "$work/serve")
}
value() { is "$(sed -n "s/^$1{group=\"$G\"$2} //p" "$work/out")" "$3"; }

begin $G $n
say start
say flow
say hold

tool metrics $G
check 'metrics' is "$status" 0
check 'enqueued' value shmchan_channel_enqueued_messages_total ',channel="work"' $((n + 1))
check 'dead letters' value shmchan_channel_dead_letters_total ',channel="work"' 1
check 'capacity' value shmchan_channel_capacity_messages ',channel="work",kind="spsc"' 8
check 'tally' value shmchan_channel_tally_total ',channel="work",counter="answered"' $n
check 'respawns' value shmchan_service_respawns_total ',service="consumer"' 1
check 'blocks' value shmchan_pool_blocks ',pool="blocks",state="free"' 4
check 'the group is up' value shmchan_group_up '' 1
check 'each sample has its type first' is \
	"$(awk '/^# TYPE/ {t[$3]=1} /^[a-z]/ {sub(/[{ ].*/, ""); if (!t[$0]) print}' "$work/out" | wc -l)" 0
cp "$work/out" "$work/text"
if command -v promtool >/dev/null; then
	check 'promtool takes the text' promtool check metrics <"$work/text"
	check 'promtool takes the rules' promtool check rules "$here/tools/alerts.yml"
else
	check 'promtool takes the text # SKIP no promtool here; make check-deps installs it' true
	check 'promtool takes the rules # SKIP no promtool here; make check-deps installs it' true
fi
used=$(grep -ohE 'shmchan_[a-z_]+' "$here/tools/alerts.yml" "$here/tools/grafana.json" | grep -vE '_(wait|service)_seconds' | sort -u)
check 'rules and dashboard use names that are served' is \
	"$(for name in $used; do grep -q "^# TYPE $name " "$work/text" || echo "$name"; done)" ''
check 'the dashboard is JSON' is "$(jq '.panels | length > 0' "$here/tools/grafana.json")" true

tool metrics $G-none
check 'a group that does not run' refused 3 "no group '$G-none'"
tool -j metrics $G
check 'no JSON' refused 2 'has no JSON'
tool metrics --histograms
check 'histograms of no group' refused 2 '--histograms needs the name of a group'

if "$shmtool" -j version | jq -e .http >/dev/null; then
	serve $G
	get /metrics
	check 'served' is "$(head -n 1 "$work/head")" 'HTTP/1.1 200 OK'
	check 'with its content type' grep -q '^Content-Type: text/plain; version=0.0.4' "$work/head"
	check 'the same counts' value shmchan_channel_enqueued_messages_total ',channel="work"' $((n + 1))
	get /other
	check 'another path' grep -q ' 404 ' "$work/head"
	get /metrics POST
	check 'another method' grep -q ' 405 ' "$work/head"
	get /metrics HEAD
	check 'only the head' is "$(head -n 1 "$work/head") $(wc -c <"$work/out")" 'HTTP/1.1 200 OK 0'
	tool metrics $G --listen "127.0.0.1:$port"
	check 'a port in use' refused 1 "cannot listen on '127.0.0.1:$port'"
	end
	get /metrics
	check 'a group that ended is down' value shmchan_group_up '' 0
	kill $server
	wait $server
	check 'ends well' is $? 0
	begin $G $n

	serve $G --histograms
	if [ -n "$port" ]; then
		say start
		say flow
		get /metrics
		# One message in 64, or fewer where they follow each other so fast that the library widens it.
		waited=$(sed -n "s/^shmchan_channel_wait_seconds_count{group=\"$G\",channel=\"work\"} //p" "$work/out")
		check 'waiting times' test "${waited:-0}" -ge 1 -a "${waited:-0}" -le 4
		check 'the last bucket has all' value shmchan_channel_wait_seconds_bucket ',channel="work",le="+Inf"' "$waited"
		pushed=$(sed -n "s/^shmchan_channel_depth_at_push_messages_count{group=\"$G\",channel=\"work\"} //p" "$work/out")
		check 'depths, of no fewer messages' test "${pushed:-0}" -ge "$waited" -a "${pushed:-0}" -le 4
		check 'buckets never fall' is "$(grep "_bucket{group=\"$G\",channel=\"work\"" "$work/out" |
			awk '{name=$1; sub(/,le.*/, "", name); if (name == last && $2 < v) print; last=name; v=$2}')" ''
		if command -v promtool >/dev/null; then
			check 'promtool takes the histograms' promtool check metrics <"$work/out"
		fi
		kill $server
	else
		cp "$work/serve" "$work/err"
		: >"$work/out"
		status=6
		check 'without probes it says why' refused 6 ''
	fi
	wait $server
fi
tool metrics $G --listen nowhere.invalid:1
check 'an address that is none' test "$status" = 1
end
check 'the group ended well' is $? 0
plan
