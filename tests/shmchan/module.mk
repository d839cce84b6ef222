SHMCHAN_TESTS := $(notdir $(basename $(wildcard tests/shmchan/test_*.c)))
TESTS += $(SHMCHAN_TESTS)
$(foreach t,$(SHMCHAN_TESTS),$(eval $(t)_SRC := tests/shmchan/$(t).c)$(eval $(t)_LIBS := shmchan)$(eval $(t)_LDLIBS := -lcriterion))
test_hostile_SRC += tests/fuzz/fuzz_segment.c tests/fuzz/guard.c
test_hostile_LDLIBS += -Wl,--wrap=mmap,--wrap=munmap

SCRIPTS += tests/shmchan/install.sh
TSAN_TESTS += test_threads
test_edit_SRC += tests/crash/step.c
test_select_LDLIBS += -luring
