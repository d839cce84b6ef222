PROGS += feeder
feeder_SRC := procs/feeder/feeder.c
feeder_LIBS := common eth shmchan
