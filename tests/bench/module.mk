# ipc: messages between processes, shmchan beside what a user would take instead. respawn: from a kill to the
# replacement's first message. validate: the node's job through shmsup. sup: shmsup beside other supervisors.
BENCH_PACKAGES := g++ libboost-dev libck-dev libdpdk-dev libreaderwriterqueue-dev libiceoryx-posh-dev \
	libiceoryx-hoofs-dev iceoryx libzmq3-dev s6 runit daemontools supervisor erlang-base

BENCHES += ipc respawn respawn-worker validate
ipc_SRC := $(addprefix tests/bench/, ipc.c group.c side.c table.c peer_floor.c peer_cells.c peer_shmchan.c peer_kernel.c peer_mutex.c peer_ck.c \
	peer_dpdk.c peer_zmq.c)
ipc_LIBS := shmchan
ipc_LDLIBS := -ljansson -lm
respawn_SRC := tests/bench/respawn.c tests/bench/table.c
respawn_LIBS := shmchan
respawn_LDLIBS := -ljansson
respawn-worker_SRC := tests/bench/respawn-worker.c
respawn-worker_LIBS := shmchan
validate_SRC := tests/bench/validate.c tests/bench/table.c
validate_LIBS := shmchan
validate_LDLIBS := -ljansson

# Supervisors alone: `make bench-sup`.
BENCHES += recover sup sup-worker takeover takeover-worker
takeover_SRC := tests/bench/takeover.c tests/bench/table.c
takeover_LIBS := shmchan
takeover_LDLIBS := -ljansson
takeover-worker_SRC := tests/bench/takeover-worker.c
takeover-worker_LIBS := shmchan
$(O)/bench/takeover: $(O)/bin/shmsup $(O)/bench/takeover-worker
recover_SRC := tests/bench/recover.c tests/bench/table.c
recover_LIBS := shmchan
recover_LDLIBS := -ljansson
sup_SRC := $(addprefix tests/bench/, sup.c sup_peer.c table.c)
sup_LDLIBS := -ljansson
sup-worker_SRC := tests/bench/sup-worker.c
sup-worker_LIBS := shmchan
$(O)/bench/sup: $(O)/bin/shmsup $(O)/bench/sup-worker
.PHONY: bench-sup
bench-sup:
	$(Q)$(MAKE) --no-print-directory $(O)/bench/sup $(O)/bench/recover $(O)/bench/takeover
	$(Q)BUILD=$(O) tests/bench/run.sh $(O)/bench/recover $(O)/bench/takeover $(O)/bench/sup

# The consensus engine alone: `make bench-eth`.
BENCHES += bench_eth
bench_eth_SRC := tests/bench/bench_eth.c tests/bench/table.c
bench_eth_LIBS := eth bls
bench_eth_LDLIBS := -ljansson -lcrypto \
	-Wl,--wrap=eth_sha256_pairs,--wrap=eth_sha256_pair,--wrap=eth_sha256_short
.PHONY: bench-eth
bench-eth:
	$(Q)$(MAKE) --no-print-directory $(O)/bench/bench_eth $(O)/bench/bench_bls
	$(Q)VECTORS=$(VECTORS) BUILD=$(O) tests/bench/run.sh $(O)/bench/bench_eth $(O)/bench/bench_bls

# The ring without what makes it safe: the library and its contender once more, in one object that shows nothing else.
UNSAFE_OBJS := $(patsubst %.c,$(O)/unsafe/%.o,$(shmchan_SRC) tests/bench/peer_shmchan.c)
$(O)/unsafe/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(shmchan_CFLAGS) -DSHMCHAN_BENCH_UNSAFE -MMD -MP -c -o $@ $<
$(O)/bench/unsafe.o: $(UNSAFE_OBJS)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(LD) -r -o $@.tmp $^ && objcopy -R .note.stapsdt -R .stapsdt.base --keep-global-symbol=family_unsafe $@.tmp $@ && rm -f $@.tmp
-include $(UNSAFE_OBJS:.o=.d)
$(O)/bench/ipc: $(O)/bench/unsafe.o
ipc_LDLIBS += $(O)/bench/unsafe.o

# Peers that are there; a source whose headers are missing compiles to its own absence.
ipc_SRC += $(addprefix tests/bench/, $(if $(shell command -v $(CXX)),peer_boost.cc peer_rwq.cc peer_iceoryx.cc,peer_nocxx.c))
ipc_LDLIBS += $(if $(shell command -v $(CXX)),-lstdc++)
bench_pkg = $(shell pkg-config --exists $(1) 2>/dev/null && echo yes)
ifeq ($(call bench_pkg,libdpdk),yes)
ipc_LDLIBS += -lrte_ring -lrte_eal
$(O)/obj/tests/bench/peer_dpdk.o: private CPPFLAGS += $(patsubst -I%,-isystem %,$(filter-out -m%,$(call pkg,--cflags libdpdk)))
$(O)/obj/tests/bench/peer_dpdk.o: private CFLAGS += $(filter -m%,$(call pkg,--cflags libdpdk))
endif
ifeq ($(call bench_pkg,libzmq),yes)
ipc_LDLIBS += -lzmq
endif
BENCH_IOX := $(wildcard /usr/include/iceoryx/v*)
ifneq ($(BENCH_IOX),)
ipc_LDLIBS += -liceoryx_posh -liceoryx_hoofs -liceoryx_platform
$(O)/obj/tests/bench/peer_iceoryx.o: private CPPFLAGS += $(addprefix -isystem ,$(BENCH_IOX))
endif

# shmtool top beside a load.
BENCHES += bench_top
bench_top_SRC := $(addprefix tests/bench/, top.c stream.c table.c pairs.c group.c side.c)
bench_top_LIBS := shmchan
bench_top_LDLIBS := -ljansson -lutil -lm
$(O)/bench/bench_top: $(O)/bin/shmtool
