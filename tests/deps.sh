#!/bin/sh
# Usage: deps.sh PACKAGE…
# Installs the Debian packages that are missing when run as root; otherwise prints the line that would.
command -v dpkg-query >/dev/null || { echo "deps: not a Debian system; needed here: $*" >&2; exit 0; }
have=" $(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' | tr '\n' ' ')"
missing=
for p in "$@"; do
	case "$have" in *" $p "*) ;; *) missing="$missing $p" ;; esac
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
	echo "deps: installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086  # a list of words
	apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 ||
		{ apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing >/dev/null; } ||
		{ echo "deps: apt-get could not install:$missing" >&2; exit 1; }
else
	echo "deps: missing packages; as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
