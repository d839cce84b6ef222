include procs/eth/bls/module.mk

LIBS += eth
eth_SRC := $(addprefix procs/eth/, \
	err.c \
	preset.c \
)
eth_LDLIBS := -lsnappy
