LIBS += rewinder
rewinder_SRC := procs/rewinder/judge.c
