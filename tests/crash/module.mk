TEST_PROGS += crash
crash_SRC := $(addprefix tests/crash/, crash.c run.c scenes.c snap.c step.c world.c)
crash_LIBS := shmchan
SCRIPTS += tests/crash/crash.sh

.PHONY: crash
crash: deps
	$(Q)$(MAKE) --no-print-directory $(O)/test/crash
	$(O)/test/crash
