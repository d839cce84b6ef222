# All but main, so that tests link it too.
LIBS += toolbox
toolbox_SRC    := $(addprefix tools/, cli.c histview.c jsonw.c live.c procstat.c sample.c table.c)
toolbox_LDLIBS := -lm

PROGS += shmtool
shmtool_SRC  := $(addprefix tools/, \
	ask.c \
	attach.c \
	batch.c \
	chan.c \
	chan_edit.c \
	chan_live.c \
	chan_tail.c \
	check.c \
	dead.c \
	graph.c \
	group.c \
	main.c \
	manual.c \
	metrics.c \
	pool.c \
	probe.c \
	probe_alerts.c \
	probe_hist.c \
	probe_show.c \
	schema.c \
	service.c \
	shmtool.c \
	top.c \
	version.c \
	why.c \
)
shmtool_LIBS := toolbox watch supervisor shmchan

# Serving metrics is left out where libmicrohttpd is not installed.
ifneq ($(call pkg,--exists libmicrohttpd && echo yes),)
shmtool_SRC    += tools/http.c
shmtool_LDLIBS := $(call pkg,--libs libmicrohttpd)
else
shmtool_SRC += tools/http_absent.c
endif

# So is the full screen, without ncursesw.
ifneq ($(call pkg,--exists ncursesw && echo yes),)
shmtool_SRC    += tools/top_screen.c
shmtool_LDLIBS += $(call pkg,--libs ncursesw)
else
shmtool_SRC += tools/top_absent.c
endif

# Manual and completion come from the table of commands, by the program itself.
EXTRA_ALL += $(O)/share/man/man1/shmtool.1 $(O)/share/bash-completion/completions/shmtool
$(O)/share/man/man1/shmtool.1: $(O)/bin/shmtool
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< manual >$@
$(O)/share/bash-completion/completions/shmtool: $(O)/bin/shmtool
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< completion >$@
# So do the schemas of what it prints.
EXTRA_ALL += $(O)/share/shmchan/shmtool-schema.json
$(O)/share/shmchan/shmtool-schema.json: $(O)/bin/shmtool
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< -j schema >$@
.PHONY: install-shmtool
install: install-shmtool
install-shmtool: all
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(PREFIX)/share/shmchan
	install -m 644 $(O)/share/shmchan/shmtool-schema.json $(DESTDIR)$(PREFIX)/share/shmchan
	install -m 644 $(O)/share/man/man1/shmtool.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(O)/share/bash-completion/completions/shmtool $(DESTDIR)$(PREFIX)/share/bash-completion/completions
