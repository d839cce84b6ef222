sup_tests := fate proc_stat slice fence keep topology plan service loop loop_words report notify control events hang
TESTS += $(sup_tests:%=sup_%)
define sup_test
sup_$(1)_SRC := tests/supervisor/$(1).c
sup_$(1)_LIBS := supervisor shmchan
sup_$(1)_LDLIBS := -lcriterion
endef
$(foreach t,$(sup_tests),$(eval $(call sup_test,$(t))))

# The services that the scripts start.
TEST_PROGS += sup_actor
sup_actor_SRC := $(addprefix tests/supervisor/, act.c actor.c)
sup_actor_LIBS := shmchan

TEST_PROGS += sup_stop_in_lock
sup_stop_in_lock_SRC  := tests/supervisor/stop_in_lock.c
sup_stop_in_lock_LIBS := shmchan

TEST_PROGS += sup_at_syscall
sup_at_syscall_SRC := tests/supervisor/at_syscall.c

TEST_PROGS += sup_without_waitv
sup_without_waitv_SRC := tests/supervisor/without_waitv.c

# A shmsup whose state file has another layout.
TEST_PROGS += shmsup-other
shmsup-other_SRC  := tests/supervisor/keep_other.c supervisor/main.c supervisor/manual.c
shmsup-other_LIBS := supervisor shmchan

# What is in supervisor/examples is run as it stands.
TEST_PROGS += example-upper
example-upper_SRC  := supervisor/examples/upper.c
example-upper_LIBS := shmchan

SCRIPTS += $(addprefix tests/supervisor/, \
	adopt.sh \
	backoff.sh \
	confine.sh \
	continuity.sh \
	control.sh \
	deaths.sh \
	early.sh \
	events.sh \
	exits.sh \
	hang.sh \
	job.sh \
	logs.sh \
	manual.sh \
	many.sh \
	poison.sh \
	repair.sh \
	s6.sh \
	scale.sh \
	spare.sh \
	stale.sh \
	strategy.sh \
	systemd.sh \
	topology.sh \
	upgrade.sh \
)
