eth_tests := sha256 merkle types ssz state domain snappy eth_file config engine transition chain
TESTS += $(eth_tests:%=eth_%)
define eth_test
eth_$(1)_SRC := tests/eth/$(1).c tests/eth/vectors.c
eth_$(1)_LIBS := eth bls
eth_$(1)_LDLIBS := -lcriterion -larchive -lyaml -ljansson -lcrypto
endef
$(foreach t,$(eth_tests),$(eval $(call eth_test,$(t))))
TESTS += eth_memory
$(eval $(call eth_test,memory))
eth_memory_LDLIBS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
eth_ssz_SRC += procs/ncli/generic.c

eth_chain_tests := fork_choice pool proto_array slashing
TESTS += $(eth_chain_tests:%=eth_%)
$(foreach t,$(eth_chain_tests),$(eval $(call eth_test,$(t))))

TESTS += test_eth_protection
test_eth_protection_SRC := tests/eth/protection.c tests/eth/vectors.c
test_eth_protection_LIBS := eth_protection eth
test_eth_protection_LDLIBS := $(eth_slashing_LDLIBS)
