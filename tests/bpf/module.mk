TESTS += bpf_hist bpf_probe bpf_watch
bpf_hist_SRC    := tests/bpf/hist.c
bpf_hist_LDLIBS := -lcriterion
bpf_probe_SRC    := tests/bpf/probe.c shmchan/probe.c
bpf_probe_LIBS   := watch
bpf_probe_LDLIBS := -lcriterion
bpf_watch_SRC    := tests/bpf/watch.c tests/bpf/site.c shmchan/probe.c
bpf_watch_LIBS   := watch
bpf_watch_LDLIBS := -lcriterion
TEST_PROGS += storm
storm_SRC  := tests/bpf/storm.c
storm_LIBS := shmchan
SCRIPTS += tests/bpf/equal.sh tests/bpf/degrade.sh
# Kept apart from `test` for its length.
.PHONY: bpf-equal
bpf-equal: tests
	$(Q)BUILD=$(O) BPF_MESSAGES=$(or $(BPF_MESSAGES),10000000) tests/bpf/equal.sh
# A leaf function that keeps its locals below the stack pointer, as release builds have them.
$(O)/obj/tests/bpf/site.o: private override CFLAGS := -O2 -std=gnu11 -fPIC -fvisibility=hidden

# What an attached probe costs; only where programs can be built.
ifeq ($(BPF_MISSING),)
BENCHES += probes probes-worker probes-bare-worker
probes_SRC    := tests/bpf/bench_probes.c tests/bpf/site.c tests/bench/table.c
probes_LIBS   := watch shmchan
probes_LDLIBS := -ljansson
probes_ORDER  := $(O)/gen/tests/bpf/empty.skel.h
probes-worker_SRC       := tests/bpf/stream_worker.c tests/bpf/bench_stream.c
probes-worker_LIBS      := shmchan
probes-bare-worker_SRC  := $(probes-worker_SRC)
probes-bare-worker_LIBS := shmchan-bare
endif

# The library with its probes compiled out.
bare_OBJS := $(patsubst %.c,$(O)/obj/bare/%.o,$(shmchan_SRC))
$(O)/obj/bare/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DSHMCHAN_NO_PROBES $(CFLAGS) $(shmchan_CFLAGS) -MMD -MP -c -o $@ $<
-include $(bare_OBJS:.o=.d)
$(O)/lib/libshmchan-bare.a: $(bare_OBJS)
	$(call say,AR)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && $(AR) rcs $@ $^
