LIBS += toolbox
toolbox_SRC := tools/jsonw.c tools/table.c tools/cli.c
