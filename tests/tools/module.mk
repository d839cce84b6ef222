TESTS += tools_jsonw tools_table tools_cli
tools_jsonw_SRC     := tests/tools/jsonw.c
tools_jsonw_LIBS    := toolbox
tools_jsonw_LDLIBS  := -lcriterion -ljansson
tools_table_SRC    := tests/tools/table.c
tools_table_LIBS   := toolbox
tools_table_LDLIBS := -lcriterion -ljansson
tools_cli_SRC      := tests/tools/cli.c
tools_cli_LIBS     := toolbox
tools_cli_LDLIBS   := -lcriterion
TESTS += tools_histview
tools_histview_SRC    := tests/tools/histview.c
tools_histview_LIBS   := toolbox
tools_histview_LDLIBS := -lcriterion

TESTS += tools_sample
tools_sample_SRC    := tests/tools/sample.c
tools_sample_LIBS   := toolbox shmchan
tools_sample_LDLIBS := -lcriterion

SCRIPTS += tests/tools/shmtool.sh tests/tools/verbs.sh tests/tools/edit.sh tests/tools/schema.sh tests/tools/errors.sh tests/tools/kinds.sh tests/tools/replay.sh tests/tools/graph.sh tests/tools/metrics.sh tests/tools/why.sh tests/tools/manual.sh tests/tools/top.sh tests/bpf/show.sh tests/bpf/pin.sh tests/bpf/later.sh tests/bpf/alerts.sh
traffic_OBJ := $(O)/obj/tests/tools/traffic.o
tests: $(O)/test/traffic
$(O)/test/traffic: $(traffic_OBJ) $(O)/lib/libshmchan.a
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread
-include $(traffic_OBJ:.o=.d)
