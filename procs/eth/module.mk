include procs/eth/bls/module.mk

LIBS += eth
eth_SRC := $(addprefix procs/eth/, \
	attestation.c \
	block.c \
	committee.c \
	config.c \
	domain.c \
	engine.c \
	epoch.c \
	err.c \
	eth_file.c \
	fork_choice.c \
	genesis.c \
	merkle.c \
	operations.c \
	participation.c \
	pool.c \
	preset.c \
	produce.c \
	proto_array.c \
	rewards.c \
	roots.c \
	sha256.c \
	sha256_avx512.c \
	sha256_ni.c \
	sha256_tables.c \
	shuffle.c \
	signatures.c \
	slashing.c \
	snappy.c \
	ssz.c \
	ssz_root.c \
	state.c \
	state_root.c \
	state_ssz.c \
	tree.c \
	types.c \
	validator.c \
)
eth_LDLIBS := -lsnappy -lyaml

# The protection data base is a library of its own: only who signs needs SQLite.
LIBS += eth_protection
eth_protection_SRC := procs/eth/protection.c procs/eth/interchange.c
eth_protection_LDLIBS := $(call pkg,--libs sqlite3 jansson)
