#!/bin/sh
# Every channel kind, every operation, killed after every instruction: from fewer states than in `make crash`.
case ${BUILD:-build} in
# A sanitizer makes several instructions of one.
*asan) set -- --only spsc ;;
esac
exec "${BUILD:-build}/test/crash" --short --tap "$@"
