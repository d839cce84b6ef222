# What the services share.
LIBS += common
common_SRC := $(addprefix procs/common/, \
	proto.c \
)
