LIBS += rewinder
rewinder_SRC := procs/rewinder/judge.c

PROGS += rewinder-worker
rewinder-worker_SRC := procs/rewinder/worker.c
rewinder-worker_LIBS := rewinder common eth bls shmchan
