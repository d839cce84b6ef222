# What the services share. libarchive: the vectors are .tar.zst.
LIBS += common
common_SRC := $(addprefix procs/common/, \
	cases.c \
	proto.c \
	service.c \
	trail.c \
)
common_LDLIBS := -larchive
