#!/bin/bash
# Where something is missing that BPF needs, all else works, and what is missing is said with how to get it.
. "$(dirname "$0")/apart.sh"
. "$(dirname "$0")/../tools/tap.sh"
G=degrade-$$
here() { "$shmtool" probe show $G --seconds 0.01 >/dev/null 2>&1; }
apart() { unshare -m --propagation private bash -c "$@"; }
# without COMMAND: in a mount namespace in which COMMAND was done, probe show; leaves output as `tool` does.
without() {
	apart "$1; exec \"\$0\" -j probe show $G --seconds 0.01" "$shmtool" >"$work/out" 2>"$work/err"
	status=$?
}
skip() { check "$1 # SKIP" true; }

begin $G 10
say start
tool -j chan list $G
check 'counters in shared memory need nothing' is "$status" 0
if [ "$(id -u)" = 0 ] && here; then
	setpriv --bounding-set=-all --inh-caps=-all "$shmtool" probe show $G --seconds 0 >"$work/out" 2>"$work/err"
	status=$?
	check 'without capabilities: which ones are needed' refused 6 'CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE and'
	setpriv --bounding-set=-all --inh-caps=-all "$shmtool" -j chan list $G >"$work/out" 2>"$work/err"
	check 'and the rest works' is "$?" 0
	setpriv --bounding-set=-all,+bpf,+perfmon,+sys_ptrace,+sys_admin --inh-caps=-all "$shmtool" -j probe show $G --seconds 0.01 \
		>"$work/out" 2>"$work/err"
	check 'and with those it works' is "$?" 0
	if apart true 2>/dev/null; then
		without 'for d in /sys/kernel/tracing /sys/kernel/debug; do [ ! -d $d ] || mount -t tmpfs none $d; done'
		check 'without tracefs it works' is "$status" 0
		without 'mount -t tmpfs none /sys/kernel/btf'
		check "without the kernel's BTF: which option of the kernel" refused 6 'CONFIG_DEBUG_INFO_BTF'
		without 'mount -t tmpfs none /sys/bus/event_source'
		check 'without uprobes: which option of the kernel' refused 6 'CONFIG_UPROBE_EVENTS'
		apart "mount -t tmpfs none /sys/fs/bpf && \"\$0\" probe attach $G && stat -f -c %T /sys/fs/bpf && \"\$0\" probe detach $G" \
			"$shmtool" >"$work/out" 2>"$work/err"
		check 'without the BPF file system it is mounted' is "$?,$(cat "$work/out")" '0,bpf_fs'
	else
		skip 'without tracefs, BTF, uprobes, the BPF file system: no mount namespaces here'
	fi
else
	skip 'without capabilities, tracefs, BTF, uprobes: nothing can be attached here anyway'
fi

# The tool built without clang: what is built already is taken over, so that only the loader's stand-in is compiled.
top=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$work/b/obj"
cp -pr "$BUILD/obj/tools" "$BUILD/obj/shmchan" "$work/b/obj/"
find "$work/b/obj" -name '*.d' -delete
find "$work/b/obj" -name '*.o' -exec touch {} +
if make -C "$top" CLANG=absent-clang O="$work/b" "$work/b/bin/shmtool" >"$work/out" 2>"$work/err"; then
	check 'it is built without clang' test -x "$work/b/bin/shmtool"
	with=$shmtool
	shmtool=$work/b/bin/shmtool
	tool probe show $G
	check 'and says what was missing' refused 6 'built without BPF, for lack of: clang; install that and build again'
	tool -j chan list $G
	check 'and the rest works' is "$status" 0
	shmtool=$with
else
	check 'it is built without clang' false
fi
end
check 'the group ended well' is $? 0
plan
