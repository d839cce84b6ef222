# Sourced first by tests that pin: where the BPF file system is not mounted, shmtool mounts it; that is then done in a mount
# namespace of the test's own.
# shellcheck shell=bash
if [ -z "${APART:-}" ] && [ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" != bpf_fs ] &&
	unshare -m --propagation private true 2>/dev/null; then
	APART=yes exec unshare -m --propagation private "$0" "$@"
fi
