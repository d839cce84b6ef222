PROGS += collector
collector_SRC := procs/collector/collector.c
collector_LIBS := common eth shmchan
