SHMCHAN_TESTS := $(notdir $(basename $(wildcard tests/shmchan/test_*.c)))
TESTS += $(SHMCHAN_TESTS)
$(foreach t,$(SHMCHAN_TESTS),$(eval $(t)_SRC := tests/shmchan/$(t).c)$(eval $(t)_LIBS := shmchan)$(eval $(t)_LDLIBS := -lcriterion))
