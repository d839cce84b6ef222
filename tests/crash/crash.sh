#!/bin/sh
# Every channel kind, every operation, killed after every instruction: from fewer states than in `make crash`.
exec "${BUILD:-build}/test/crash" --short --tap
