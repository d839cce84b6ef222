# shmsup: broker, supervisor and their command line. All but main.c is a library, for the unit tests.
LIBS += supervisor
supervisor_SRC := $(addprefix supervisor/, \
	adopt.c \
	alert.c \
	arena.c \
	chaos.c \
	client.c \
	confine.c \
	client_events.c \
	client_logs.c \
	control.c \
	corpse.c \
	early.c \
	events.c \
	exits.c \
	fate.c \
	fence.c \
	filter.c \
	group.c \
	group_channels.c \
	group_end.c \
	group_keep.c \
	group_repair.c \
	group_service.c \
	group_verbs.c \
	guard.c \
	handover.c \
	hang.c \
	keep.c \
	launch.c \
	link.c \
	logs.c \
	look.c \
	loop.c \
	loop_poll.c \
	loop_uring.c \
	loop_words.c \
	notify.c \
	orphan.c \
	picture.c \
	pins.c \
	plan.c \
	plan_confine.c \
	plan_job.c \
	plan_pool.c \
	plan_strategy.c \
	poison.c \
	proc_stat.c \
	progress.c \
	report.c \
	rundir.c \
	say.c \
	scale.c \
	schema.c \
	service.c \
	slice.c \
	spare.c \
	stale.c \
	strategy.c \
	tell.c \
	topology.c \
	topology_docs.c \
	topology_form.c \
	topology_keys.c \
	topology_schema.c \
	topology_text.c \
	upgrade.c \
)
supervisor_LDLIBS := -lcyaml -lyaml -ljansson -luring -lcap -lseccomp

PROGS += shmsup
shmsup_SRC := supervisor/main.c supervisor/manual.c
shmsup_LIBS := supervisor shmchan

# The manual and the completion come from the tables that the program works on, by the program itself.
SHMSUP_MAN := $(O)/share/man/man1/shmsup.1 $(O)/share/man/man5/shmsup-topology.5
EXTRA_ALL += $(SHMSUP_MAN) $(O)/share/bash-completion/completions/shmsup
$(O)/share/man/man1/shmsup.1: $(O)/bin/shmsup supervisor/control.awk supervisor/control.h
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< manual | awk -f supervisor/control.awk supervisor/control.h - >$@
$(O)/share/man/man5/shmsup-topology.5: $(O)/bin/shmsup supervisor/examples/upper.yaml
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< manual supervisor/examples/upper.yaml >$@
$(O)/share/bash-completion/completions/shmsup: $(O)/bin/shmsup
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$< completion >$@
.PHONY: install-shmsup
install: install-shmsup
install-shmsup: all
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
	install -m 644 $(O)/share/man/man1/shmsup.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 $(O)/share/man/man5/shmsup-topology.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 $(O)/share/bash-completion/completions/shmsup $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|@PREFIX@|$(PREFIX)|' supervisor/shmsup@.service.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/shmsup@.service
	install -m 644 supervisor/examples/*.* $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
	install -m 755 supervisor/examples/s6-* $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
