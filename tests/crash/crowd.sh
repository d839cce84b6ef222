#!/bin/sh
# Four producers and two consumers of every kind, killed at random: CROWD_MESSAGES on each (`make crowd`: 10^8).
exec "${BUILD:-build}/test/crowd" --messages "${CROWD_MESSAGES:-1000000}" --tap
