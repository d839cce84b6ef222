TESTS += bpf_hist bpf_probe bpf_watch bpf_edge
bpf_hist_SRC    := tests/bpf/hist.c
bpf_hist_LDLIBS := -lcriterion
bpf_probe_SRC    := tests/bpf/probe.c shmchan/probe.c
bpf_probe_LIBS   := watch
bpf_probe_LDLIBS := -lcriterion
bpf_watch_SRC    := tests/bpf/watch.c tests/bpf/site.c shmchan/probe.c
bpf_watch_LIBS   := watch
bpf_watch_LDLIBS := -lcriterion
bpf_edge_SRC    := tests/bpf/edge.c
bpf_edge_LIBS   := watch shmchan
bpf_edge_LDLIBS := -lcriterion
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
BENCHES += probes
probes_SRC    := tests/bpf/bench_probes.c tests/bpf/bench_stream.c tests/bpf/modes.c tests/bpf/site.c \
	$(addprefix tests/bench/, table.c pairs.c group.c side.c peer_shmchan.c)
probes_LIBS   := watch shmchan
probes_LDLIBS := -ljansson -lm -ldl
probes_ORDER  := $(O)/gen/tests/bpf/empty.skel.h
$(O)/bench/probes: $(addprefix $(O)/bench/probes-modules/, bare.so unwatched.so libshmchan.so)
endif

# The library and a stream through it, as modules that one process can hold several of.
module_FLAGS := -DSHMCHAN_BENCH_MODULE
modules_SRC  := $(shmchan_SRC) tests/bench/peer_shmchan.c tests/bench/side.c
$(O)/module/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(shmchan_CFLAGS) $(module_FLAGS) -MMD -MP -c -o $@ $<
# With its probes compiled out.
$(O)/module-bare/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -DSHMCHAN_NO_PROBES $(CFLAGS) $(shmchan_CFLAGS) $(module_FLAGS) -MMD -MP -c -o $@ $<
-include $(modules_SRC:%.c=$(O)/module/%.d) $(modules_SRC:%.c=$(O)/module-bare/%.d)
$(O)/bench/probes-modules/bare.so: $(modules_SRC:%.c=$(O)/module-bare/%.o)
$(O)/bench/probes-modules/unwatched.so $(O)/bench/probes-modules/libshmchan.so: $(modules_SRC:%.c=$(O)/module/%.o)
$(O)/bench/probes-modules/%.so:
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -shared $(LDFLAGS) -o $@ $^ -lpthread
