# Another processor's memory order and layout: libshmchan and its tests of one process, cross-built and emulated. Those
# that trace or fault others are about the kernel, which an emulator only passes on; test_select needs liburing, which has no
# cross package.
AARCH64_PACKAGES := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
AARCH64_TESTS := $(filter-out test_edit test_hostile test_pulse test_select,$(notdir $(basename $(wildcard tests/shmchan/test_*.c))))
# qemu-user answers madvise by itself, so that a segment cut short is not noticed; it has no robust lists, so that no death marks
# a word (test_pulse is about nothing else); and it can't be stepped through what it emulates.
AARCH64_SKIP := broker::segments_cut_short_are_reported_and_left_out seg::cut_short view::unreadable_objects \
	lock::the_next_owner_learns_of_a_death lock::who_waits_is_woken_by_a_death \
	spare::a_slot_given_over_by_a_broker_that_is_killed

.PHONY: aarch64 aarch64-tests
aarch64:
	$(Q)sh tests/deps.sh $(AARCH64_PACKAGES)
	$(Q)$(MAKE) --no-print-directory O=build/aarch64 CC=aarch64-linux-gnu-gcc LDFLAGS=-static EMULATOR=qemu-aarch64 \
		CRITERION_CPPFLAGS=-Itests/aarch64 CRITERION_LDLIBS= CRITERION_SRC=tests/aarch64/main.c aarch64-tests

aarch64-tests: $(AARCH64_TESTS:%=$(O)/test/%)
	$(Q)SMALL_SKIP="$(AARCH64_SKIP)" BUILD=$(O) EMULATOR=$(EMULATOR) tests/run.sh $(AARCH64_TESTS:%=$(O)/test/%)
