SHMCHAN_TESTS := $(notdir $(basename $(wildcard tests/shmchan/test_*.c)))
TESTS += $(SHMCHAN_TESTS)
# Where there is no Criterion, tests/aarch64 has what is used of it.
CRITERION_LDLIBS ?= -lcriterion
$(foreach t,$(SHMCHAN_TESTS),$(eval $(t)_SRC := tests/shmchan/$(t).c $(CRITERION_SRC))$(eval $(t)_LIBS := shmchan)$(eval \
	$(t)_CPPFLAGS := $(CRITERION_CPPFLAGS))$(eval $(t)_LDLIBS := $(CRITERION_LDLIBS)))
# It has a main of its own.
test_threads_SRC := tests/shmchan/test_threads.c
test_hostile_SRC += tests/fuzz/fuzz_segment.c tests/fuzz/guard.c
test_hostile_LDLIBS += -Wl,--wrap=mmap,--wrap=munmap

SCRIPTS += tests/shmchan/install.sh
TSAN_TESTS += test_threads
test_edit_SRC += tests/crash/step.c
test_select_LDLIBS += -luring
test_spare_SRC += tests/crash/step.c
