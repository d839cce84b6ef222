# shmsup: broker, supervisor and their command line. All but main.c is a library, for the unit tests.
LIBS += supervisor
supervisor_SRC := $(addprefix supervisor/, \
	arena.c \
	exits.c \
	loop.c \
	loop_poll.c \
	loop_uring.c \
	plan.c \
	plan_job.c \
	say.c \
	service.c \
	topology.c \
	topology_schema.c \
	topology_text.c \
)
supervisor_LDLIBS := -lcyaml -lyaml -ljansson -luring
