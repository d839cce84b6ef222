# `make chaos` is the whole run; the tests have a form of 2 minutes.
TEST_PROGS += chaos_actor
chaos_actor_SRC := tests/chaos/actor.c tests/supervisor/act.c
chaos_actor_LIBS := shmchan

SCRIPTS += tests/chaos/short.sh

.PHONY: chaos
chaos: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)BUILD=$(O) tests/chaos/chaos.sh
