# All but main, so that tests link it too.
LIBS += toolbox
toolbox_SRC    := $(addprefix tools/, cli.c histview.c jsonw.c table.c)
toolbox_LDLIBS := -lm

PROGS += shmtool
shmtool_SRC  := $(addprefix tools/, chan.c check.c dead.c group.c main.c probe.c shmtool.c version.c)
shmtool_LIBS := toolbox watch shmchan
