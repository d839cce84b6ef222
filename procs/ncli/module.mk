PROGS += ncli
ncli_SRC := $(addprefix procs/ncli/, \
	cases.c \
	chain.c \
	generic.c \
	json.c \
	layout.c \
	main.c \
	run_bls.c \
	run_chain.c \
	run_fork_choice.c \
	run_gossip.c \
	run_network.c \
	run_protection.c \
	run_ssz.c \
	run_state.c \
	state_case.c \
	store.c \
	testnet.c \
	testnet_files.c \
	testnet_more.c \
	value.c \
	vectors.c \
	yaml.c \
)
ncli_LIBS := eth_protection eth bls
ncli_LDLIBS := $(call pkg,--libs libarchive yaml-0.1 jansson)
