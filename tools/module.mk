# All but main, so that tests link it too.
LIBS += toolbox
toolbox_SRC    := $(addprefix tools/, cli.c histview.c jsonw.c live.c sample.c table.c)
toolbox_LDLIBS := -lm

PROGS += shmtool
shmtool_SRC  := $(addprefix tools/, attach.c chan.c chan_live.c check.c dead.c graph.c group.c main.c metrics.c pool.c probe.c service.c \
	shmtool.c version.c why.c)
shmtool_LIBS := toolbox watch shmchan

# Serving metrics is left out where libmicrohttpd is not installed.
ifneq ($(call pkg,--exists libmicrohttpd && echo yes),)
shmtool_SRC    += tools/http.c
shmtool_LDLIBS := $(call pkg,--libs libmicrohttpd)
else
shmtool_SRC += tools/http_absent.c
endif
