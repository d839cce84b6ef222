#!/bin/bash
# The form of `make chaos` for every run of the tests.
CHAOS_SECONDS=${CHAOS_SECONDS:-120} CHAOS_EVERY=${CHAOS_EVERY:-250} exec "$(dirname "$0")/chaos.sh"
