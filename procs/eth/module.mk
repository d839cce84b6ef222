include procs/eth/bls/module.mk
