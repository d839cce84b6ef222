# ipc: messages between processes, shmchan beside what a user would take instead. respawn: from a kill to the
# replacement's first message. validate: the node's job through shmsup.
BENCH_PACKAGES := g++ libboost-dev libck-dev libdpdk-dev libreaderwriterqueue-dev libiceoryx-posh-dev libiceoryx-hoofs-dev \
	iceoryx libzmq3-dev

BENCHES += ipc respawn respawn-worker validate
ipc_SRC := $(addprefix tests/bench/, ipc.c group.c side.c table.c peer_floor.c peer_shmchan.c peer_kernel.c peer_ck.c)
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

# The consensus engine alone: `make bench-eth`.
BENCHES += bench_eth
bench_eth_SRC := tests/bench/bench_eth.c tests/bench/table.c
bench_eth_LIBS := eth bls
bench_eth_LDLIBS := -ljansson -lcrypto
.PHONY: bench-eth
bench-eth:
	$(Q)$(MAKE) --no-print-directory $(O)/bench/bench_eth
	$(Q)VECTORS=$(VECTORS) BUILD=$(O) tests/bench/run.sh $(O)/bench/bench_eth
