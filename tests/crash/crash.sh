#!/bin/sh
# Every channel kind, every operation, killed after every 37th instruction; `make crash` kills after each one.
exec "${BUILD:-build}/test/crash" --stride "${CRASH_STRIDE:-37}" --tap
