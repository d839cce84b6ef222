#!/bin/bash
# The form of `make chaos` for every run of the tests.
CHAOS_SECONDS=${CHAOS_SECONDS:-120} exec "$(dirname "$0")/chaos.sh"
