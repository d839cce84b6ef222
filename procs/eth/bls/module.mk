# BLS12-381 signatures behind bls.h.
