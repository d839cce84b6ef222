# All but main, so that tests link it too.
LIBS += toolbox
toolbox_SRC    := $(addprefix tools/, cli.c histview.c jsonw.c live.c sample.c table.c)
toolbox_LDLIBS := -lm

PROGS += shmtool
shmtool_SRC  := $(addprefix tools/, chan.c chan_live.c check.c dead.c graph.c group.c main.c pool.c probe.c service.c \
	shmtool.c version.c)
shmtool_LIBS := toolbox watch shmchan
