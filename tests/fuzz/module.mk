# libFuzzer targets. `make fuzz` builds them with clang, asan and ubsan under build/fuzz and runs each for FUZZ_SECONDS;
# what it finds worth keeping goes to build/fuzz/corpus. Each is also a test, replay_*, that goes once through the
# inputs kept in tests/fuzz/corpus and through simple changes of them.
#
# To add one: tests/fuzz/NAME.c with LLVMFuzzerTestOneInput, a folder corpus/NAME, and below FUZZERS += NAME with
# NAME_LIBS and NAME_LDLIBS.
FUZZ_SECONDS ?= 600
fuzzers :=
FUZZERS = $(fuzzers)

ifneq ($(BLS),blst)
fuzzers += fuzz_bls_decode
fuzz_bls_decode_LIBS := bls
endif

fuzzers += fuzz_segment
fuzz_segment_LIBS := shmchan
fuzz_segment_MORE := tests/fuzz/guard.c
fuzz_segment_LDLIBS := -Wl,--wrap=mmap,--wrap=munmap

fuzzers += fuzz_eth_ssz fuzz_eth_snappy fuzz_eth_block
fuzz_eth_ssz_LIBS := eth bls
fuzz_eth_snappy_LIBS := eth
fuzz_eth_block_LIBS := eth bls

fuzzers += fuzz_interchange
fuzz_interchange_LIBS := eth_protection

fuzzers += fuzz_topology fuzz_control
fuzz_topology_LIBS := supervisor shmchan
fuzz_control_LIBS := supervisor shmchan

define fuzz_rules
$(1)_SRC := tests/fuzz/$(1).c $$($(1)_MORE)
replay_$(1)_SRC := tests/fuzz/$(1).c tests/fuzz/replay.c $$($(1)_MORE)
replay_$(1)_LIBS := $($(1)_LIBS)
replay_$(1)_LDLIBS := $($(1)_LDLIBS)
TESTS += replay_$(1)
$(1)_LDLIBS += $(FUZZ_LDFLAGS)
endef
$(foreach f,$(fuzzers),$(eval $(call fuzz_rules,$(f))))

.PHONY: fuzz
fuzz:
	$(Q)$(MAKE) --no-print-directory CONFIG=asan CC=$(CLANG) O=build/fuzz FUZZ_LDFLAGS=-fsanitize=fuzzer \
		CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' $(FUZZERS:%=build/fuzz/fuzz/%)
	$(Q)for f in $(FUZZERS); do mkdir -p build/fuzz/corpus/$$f && \
		build/fuzz/fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/$$f- \
			build/fuzz/corpus/$$f tests/fuzz/corpus/$$f || exit 1; done
