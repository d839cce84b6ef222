TEST_PROGS += crash
crash_SRC := $(addprefix tests/crash/, crash.c run.c scenes.c snap.c step.c world.c)
crash_LIBS := shmchan
SCRIPTS += tests/crash/crash.sh
TEST_PROGS += crowd
crowd_SRC := tests/crash/crowd.c
crowd_LIBS := shmchan
SCRIPTS += tests/crash/crowd.sh

.PHONY: crash
crash: deps
	$(Q)$(MAKE) --no-print-directory $(O)/test/crash
	$(O)/test/crash

CROWD_MESSAGES ?= 100000000
.PHONY: crowd
crowd: deps
	$(Q)$(MAKE) --no-print-directory $(O)/test/crowd
	$(O)/test/crowd --messages $(CROWD_MESSAGES)
