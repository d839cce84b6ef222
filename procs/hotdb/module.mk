PROGS += hotdb
hotdb_SRC := procs/hotdb/hotdb.c
hotdb_LIBS := common eth shmchan
