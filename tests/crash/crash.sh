#!/bin/sh
# Every channel kind, every operation, killed after every 37th instruction; `make crash` kills after each one.
# A sanitizer makes several instructions of one: its build takes longer steps.
case ${BUILD:-build} in
*asan) stride=211 ;;
*) stride=37 ;;
esac
exec "${BUILD:-build}/test/crash" --stride "${CRASH_STRIDE:-$stride}" --tap
