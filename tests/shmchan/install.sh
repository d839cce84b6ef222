#!/bin/bash
# What others get of libshmchan: headers that C++ takes, an ABI of declared symbols only, an installation that
# pkg-config finds and a program of theirs builds and runs with.
set -u
build=${BUILD:-build} n=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

check() {
	local what=$1 status
	shift
	"$@" >"$dir/out" 2>&1
	status=$?
	n=$((n + 1))
	if [ $status = 0 ]; then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		sed 's/^/# /' "$dir/out"
	fi
}

cxx() {
	printf '#include "shmchan/%s"\nint main() { return shmchan_strerror(0) == nullptr; }\n' "$1" >"$dir/h.cc"
	g++ -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$2" "$dir/h.cc"
}

# declared HEADER...: what is marked SHMCHAN_API there.
declared() {
	(cd shmchan && cat "$@") | tr '\n' ' ' | grep -o 'SHMCHAN_API [^(;]*[(;]' | sed 's/ *[(;]$//; s/.*[ *]//' | grep -v '^__' | sort
}

# Everything marked SHMCHAN_API and nothing else.
symbols() {
	nm -D --defined-only "$build/lib/libshmchan.so" | awk '$2 ~ /[A-Z]/ {print $3}' | sort >"$dir/has"
	declared {err,shmchan,hot,inline,broker,edit,view}.h >"$dir/wants"
	[ -s "$dir/wants" ] && diff "$dir/wants" "$dir/has"
}

# A program that was compiled for another layout of a handle's front is not linked, and one that was linked doesn't start.
other_layout() {
	cat >"$dir/l.c" <<-'C'
		#include <shmchan/inline.h>
		int main(void)
		{
			return 0;
		}
	C
	# shellcheck disable=SC2046,SC2086  # words are wanted
	gcc $extra -o "$dir/l" "$dir/l.c" $(pkg-config --cflags --libs shmchan) && LD_LIBRARY_PATH=$dir/root/opt/shmchan/lib "$dir/l" || return 1
	# shellcheck disable=SC2046,SC2086  # words are wanted
	! gcc $extra -Dshmchan_hot_layout_1=shmchan_hot_layout_0 -o "$dir/l0" "$dir/l.c" $(pkg-config --cflags --libs shmchan) || return 1
	mkdir "$dir/other" && echo 'const char shmchan_hot_layout_0;' | gcc -shared -fPIC -Wl,-soname,libshmchan.so -xc -o "$dir/other/libshmchan.so" - &&
		gcc -O2 -Dshmchan_hot_layout_1=shmchan_hot_layout_0 -I. -o "$dir/l0" "$dir/l.c" -L"$dir/other" -lshmchan &&
		LD_LIBRARY_PATH=$dir/other "$dir/l0" || return 1
	! LD_LIBRARY_PATH=$dir/root/opt/shmchan/lib "$dir/l0"
}

undefined() {
	! nm -D --undefined-only "$build/lib/libshmchan.so" | grep -E ' (printf|fprintf|puts|exit|abort|syslog|perror)(@|$)'
}

install() {
	env -u MAKEFLAGS make --no-print-directory install DESTDIR="$dir/root" PREFIX=/opt/shmchan CONFIG="$config"
}

program() {
	cat >"$dir/p.c" <<-'C'
		#include <stdio.h>
		#include <unistd.h>
		#include <shmchan/broker.h>
		#include <shmchan/view.h>

		int main(void)
		{
			static const char *const services[] = {"a"};
			static const unsigned one[] = {1};
			struct shmchan_chan_spec c = {.name = "c", .kind = SHMCHAN_KIND_SPSC, .capacity = 2, .msg_size = 8,
				.producers = one, .producer_cnt = 1, .consumers = one, .consumer_cnt = 1};
			struct shmchan_group_spec g = {.services = services, .service_cnt = 1, .chans = &c, .chan_cnt = 1};
			struct shmchan_broker *b;
			struct shmchan_proc *p = NULL;
			struct shmchan *tx, *rx;
			struct shmchan_msg m = {.corr = 42};
			struct shmchan_why why;
			char name[32];
			unsigned inc;

			snprintf(name, sizeof(name), "t%d-install", (int)getpid());
			g.name = name;
			if (shmchan_broker_create(&b, &g, &why)) {
				puts(why.text);
				return 1;
			}
			int bad = shmchan_broker_announce(b, 1, &inc) || shmchan_attach(&p, name, 1, inc, &why) ||
				shmchan_open(p, "c", SHMCHAN_TX, &tx, &why) || shmchan_open(p, "c", SHMCHAN_RX, &rx, &why) ||
				shmchan_try_send(tx, &m) || shmchan_recv(rx, &m, 0) || m.corr != 42 || shmchan_done(rx);
			shmchan_detach(p);
			shmchan_broker_destroy(b);
			return bad;
		}
	C
	# shellcheck disable=SC2046,SC2086  # words are wanted
	gcc $extra -Wall -Wextra -Werror -o "$dir/p-$1" "$dir/p.c" $(pkg-config --cflags shmchan) $2 &&
		LD_LIBRARY_PATH=$dir/root/opt/shmchan/lib "$dir/p-$1"
}

# The installed example, built as its first lines say; the worker is killed under it.
example() {
	# shellcheck disable=SC2046,SC2086  # words are wanted
	gcc $extra -Wall -Wextra -Werror "$dir/root/opt/shmchan/share/doc/shmchan/examples/squares.c" -o "$dir/squares" \
		$(pkg-config --cflags --libs shmchan) &&
		LD_LIBRARY_PATH=$dir/root/opt/shmchan/lib "$dir/squares" 300000 25 && ! ls /dev/shm | grep -q squares
}

example_refuses() {
	local status
	LD_LIBRARY_PATH=$dir/root/opt/shmchan/lib "$dir/squares" "$@"
	status=$?
	[ $status = 2 ]
}

# A page for every function, and none that groff has anything to say about.
pages() {
	local man=$dir/root/opt/shmchan/share/man f missing=
	declared {err,shmchan,broker,edit,view}.h >"$dir/wants"
	grep -o '^static inline .*shmchan_inline_[a-z_]*(.*;$' shmchan/inline.h | sed 's/(.*//; s/.* //' >>"$dir/wants"
	while read -r f; do
		[ -f "$man/man3/$f.3" ] || missing="$missing $f"
	done <"$dir/wants"
	[ -z "$missing" ] || { echo "no page:$missing"; return 1; }
	for f in "$man"/man3/*.3 "$man"/man7/*.7; do
		if (cd "$man" && groff -mandoc -P-bcu -s -Tutf8 "$f" 2>/dev/null) | grep -nE '\\f[BIPR]|(^|[[:space:]])\.(BR?|IR?|PP|fi|nf)([[:space:]]|$)'; then
			echo "$f: shows a macro"
			return 1
		fi
		(cd "$man" && groff -ww -mandoc -s -Tutf8 "$f" 2>&1 >/dev/null) | sed "s|^|$f: |"
	done >"$dir/warnings"
	cat "$dir/warnings"
	[ ! -s "$dir/warnings" ]
}

linked_to_so() {
	readelf -d "$dir/p-so" | grep NEEDED | grep -q libshmchan.so
}

export PKG_CONFIG_PATH=$dir/root/opt/shmchan/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/root
config=release extra=
case $build in
build/asan) config=asan extra=-fsanitize=address,undefined ;;
build/tsan) config=tsan extra=-fsanitize=thread ;;
esac
for h in err.h shmchan.h hot.h inline.h broker.h edit.h view.h; do
	check "$h is C++" cxx "$h" .
done
check "exports what is declared SHMCHAN_API and nothing else" symbols
check "neither prints nor exits" undefined
check "make install" install
check "a program compiled for another layout is refused" other_layout
check "an installed header is C++" cxx view.h "$dir/root/opt/shmchan/include"
check "a program against the shared library" program so "$(pkg-config --libs shmchan)"
check "it needs the shared library" linked_to_so
check "a program against the archive" program a "$dir/root/opt/shmchan/lib/libshmchan.a"
check "the example: every request is answered once, whenever the worker dies" example
check "the example: a bad number" example_refuses 3x
check "the example: too many arguments" example_refuses 1 2 3
if command -v groff >/dev/null; then
	check "manual pages of all functions" pages
else
	n=$((n + 1))
	echo "ok $n - manual pages of all functions # SKIP there is no groff here"
fi
echo "1..$n"
