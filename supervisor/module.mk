# shmsup: broker, supervisor and their command line. All but main.c is a library, for the unit tests.
LIBS += supervisor
supervisor_SRC := $(addprefix supervisor/, \
	alert.c \
	arena.c \
	chaos.c \
	client.c \
	confine.c \
	client_events.c \
	control.c \
	events.c \
	exits.c \
	filter.c \
	group.c \
	group_service.c \
	group_verbs.c \
	hang.c \
	launch.c \
	link.c \
	look.c \
	loop.c \
	loop_poll.c \
	loop_uring.c \
	notify.c \
	plan.c \
	plan_confine.c \
	plan_job.c \
	plan_strategy.c \
	progress.c \
	report.c \
	rundir.c \
	say.c \
	service.c \
	stale.c \
	strategy.c \
	topology.c \
	topology_docs.c \
	topology_form.c \
	topology_keys.c \
	topology_schema.c \
	topology_text.c \
)
supervisor_LDLIBS := -lcyaml -lyaml -ljansson -luring -lcap -lseccomp

PROGS += shmsup
shmsup_SRC := supervisor/main.c
shmsup_LIBS := supervisor shmchan
