# One non-recursive build. Every folder adds a module.mk that names its libraries, programs and tests;
# the rules are here. `make help` lists targets and settings.
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.SUFFIXES:

CONFIG  ?= release
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CXX     := $(if $(filter default,$(origin CXX)),g++,$(CXX))
CLANG   ?= clang
PREFIX  ?= /usr/local
DESTDIR ?=
V       ?= 0
VECTORS ?= ../shared/vectors
Q       := $(if $(filter 1,$(V)),,@)
say      = $(if $(filter 1,$(V)),,@printf '  %-6s %s\n' '$(1)' '$(patsubst $(O)/%,%,$@)')

# release is build/, every other configuration build/<config>/, so that they never mix.
O := build$(if $(filter release,$(CONFIG)),,/$(CONFIG))

WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-unused-parameter
WARN     += $(if $(filter true,$(CI)),-Werror)
# gcc takes what a sanitizer inserts for uses of uninitialised variables.
WARN += $(if $(filter release,$(CONFIG)),,$(if $(findstring clang,$(CC)),,-Wno-maybe-uninitialized))
CPPFLAGS += -D_GNU_SOURCE -I. -I$(O)/gen
CFLAGS   ?= -O2 -g
override CFLAGS += -std=gnu11 -fPIC -fno-omit-frame-pointer -fvisibility=hidden $(WARN)
# C++ is for benchmarks of C++ libraries alone; their headers are not ours to keep free of warnings.
CXXFLAGS ?= -O2 -g
override CXXFLAGS += -std=gnu++20 -fPIC -fno-omit-frame-pointer -Wall
ifeq ($(CONFIG),asan)
override CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=undefined
override LDFLAGS += -fsanitize=address,undefined
else ifeq ($(CONFIG),tsan)
# It does not see fences, and gcc says so: in shmchan they order atomic accesses only, of which no race is reported.
override CFLAGS  += -fsanitize=thread $(if $(findstring clang,$(CC)),,-Wno-tsan)
override LDFLAGS += -fsanitize=thread
else ifneq ($(CONFIG),release)
$(error CONFIG is '$(CONFIG)'; known are release, asan, tsan)
endif

pkg = $(shell pkg-config $(1) 2>/dev/null)

.PHONY: all
all:

# What the module.mk files fill in:
#   LIBS      += name     and name_SRC, name_LIBS (project libraries), name_LDLIBS, name_CPPFLAGS, name_CFLAGS
#   PROGS     += name     and the same
#   TESTS     += name     a Criterion program, likewise; built into $(O)/test
#   TEST_PROGS += name    a program that tests start, likewise; built into $(O)/test, not run by itself
#   BENCHES   += name     a benchmark program, likewise; built into $(O)/bench
#   FUZZERS             tests/fuzz/module.mk: libFuzzer programs, built into $(O)/fuzz by `make fuzz`
#   SCRIPTS   += path     an executable that prints TAP; run by `make test`
#   TSAN_TESTS += name    one of TESTS that has threads and is no Criterion program, which tsan's addresses are taken from
#   PUBLIC_HEADERS += path
LIBS :=
PROGS :=
TESTS :=
TEST_PROGS :=
BENCHES :=
SCRIPTS :=
TSAN_TESTS :=
PUBLIC_HEADERS :=
CLEAN :=
include $(sort $(wildcard shmchan/module.mk supervisor/module.mk procs/module.mk procs/*/module.mk \
	bpf/module.mk tools/module.mk tests/module.mk tests/*/module.mk))

ifeq ($(CONFIG),tsan)
TESTS := $(filter $(TSAN_TESTS),$(TESTS))
TEST_PROGS :=
SCRIPTS :=
endif

objs = $(patsubst %,$(O)/obj/%.o,$(basename $($(1)_SRC)))

# A program links the libraries it names, in the order given; static, so that a copied binary runs anywhere.
define link_rules
$(call objs,$(1)): private CPPFLAGS += $$($(1)_CPPFLAGS)
$(call objs,$(1)): private CFLAGS += $$($(1)_CFLAGS)
$(call objs,$(1)): | $$($(1)_ORDER)
$(2): $(call objs,$(1)) $(foreach l,$($(1)_LIBS),$(O)/lib/lib$(l).a)
	$$(call say,LD)
	$(Q)mkdir -p $$(@D)
	$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $(call objs,$(1)) $(foreach l,$($(1)_LIBS),$(O)/lib/lib$(l).a) \
		$$($(1)_LDLIBS) $(foreach l,$($(1)_LIBS),$$($(l)_LDLIBS)) -lpthread
ALL_OBJS += $(call objs,$(1))
endef
define lib_rules
$(call objs,$(1)): private CPPFLAGS += $$($(1)_CPPFLAGS)
$(call objs,$(1)): private CFLAGS += $$($(1)_CFLAGS)
$(call objs,$(1)): | $$($(1)_ORDER)
$(O)/lib/lib$(1).a: $(call objs,$(1))
	$$(call say,AR)
	$(Q)mkdir -p $$(@D)
	$(Q)rm -f $$@ && $(AR) rcs $$@ $(call objs,$(1))
ALL_OBJS += $(call objs,$(1))
endef
ALL_OBJS :=
$(foreach l,$(LIBS),$(eval $(call lib_rules,$(l))))
$(foreach p,$(PROGS),$(eval $(call link_rules,$(p),$(O)/bin/$(p))))
$(foreach t,$(TESTS) $(TEST_PROGS),$(eval $(call link_rules,$(t),$(O)/test/$(t))))
$(foreach b,$(BENCHES),$(eval $(call link_rules,$(b),$(O)/bench/$(b))))
$(foreach f,$(FUZZERS),$(eval $(call link_rules,$(f),$(O)/fuzz/$(f))))

$(O)/obj/%.o: %.c
	$(call say,CC)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(O)/obj/%.o: %.cc
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<
$(O)/obj/%.o: %.S
	$(call say,AS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
-include $(patsubst %.o,%.d,$(sort $(ALL_OBJS)))

PROG_BINS  := $(PROGS:%=$(O)/bin/%)
TEST_BINS  := $(TESTS:%=$(O)/test/%)
BENCH_BINS := $(BENCHES:%=$(O)/bench/%)
LIB_FILES  := $(LIBS:%=$(O)/lib/lib%.a) $(EXTRA_LIBS)

all: deps
	$(Q)$(MAKE) --no-print-directory build
.PHONY: build tests
build: $(LIB_FILES) $(PROG_BINS) $(EXTRA_ALL)
	@:
tests: build $(TEST_BINS) $(TEST_PROGS:%=$(O)/test/%)

# Debian 12 packages the build, the programs and the tests need. Installed when root, otherwise named.
PACKAGES := gcc g++ make pkg-config clang llvm libcyaml-dev libyaml-dev liburing-dev libbpf-dev libelf-dev zlib1g-dev \
	bpftool systemtap-sdt-dev libsnappy-dev libjansson-dev libcap-dev libseccomp-dev libssl-dev libcriterion-dev libzstd-dev libarchive-dev libsqlite3-dev \
	libmicrohttpd-dev libncurses-dev graphviz tmux zstd jq procps man-db groff-base python3-jsonschema python3-yaml
# What some tests check more with, and name when it is not there: promtool, 96 MB with its server.
CHECK_PACKAGES := prometheus
.PHONY: deps check-deps
check-deps:
	$(Q)sh tests/deps.sh $(CHECK_PACKAGES)
deps:
	$(Q)sh tests/deps.sh $(PACKAGES)

RUN_ARGS ?=
.PHONY: run test bench check asan tsan install clean help
run: all
	$(O)/bin/shmsup run procs/topologies/validate.yaml --set vectors=$(VECTORS) --set chaos=on $(RUN_ARGS)

test: deps
	$(Q)$(MAKE) --no-print-directory tests
	$(Q)VECTORS=$(VECTORS) BUILD=$(O) tests/run.sh $(TEST_BINS) $(SCRIPTS)

bench: deps
	$(Q)$(MAKE) --no-print-directory build $(BENCH_BINS)
	$(Q)VECTORS=$(VECTORS) BUILD=$(O) tests/bench/run.sh $(BENCH_BINS)

# What shmchan is measured against. `make bench` leaves out, and names, what is missing.
.PHONY: bench-deps
bench-deps:
	$(Q)sh tests/deps.sh $(BENCH_PACKAGES)

asan tsan:
	$(Q)$(MAKE) --no-print-directory CONFIG=$@ test

# Everything a release must pass: both compilers, warnings as errors, sanitizers, another processor, the models.
check:
	$(Q)$(MAKE) --no-print-directory CI=true CC=$(CLANG) O=build/clang tests
	$(Q)$(MAKE) --no-print-directory CI=true test
	$(Q)$(MAKE) --no-print-directory CI=true asan
	$(Q)$(MAKE) --no-print-directory CI=true tsan
	$(Q)$(MAKE) --no-print-directory CI=true aarch64
	$(Q)$(MAKE) --no-print-directory model
	$(Q)$(MAKE) --no-print-directory crash

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include/shmchan
	install -m 755 $(PROG_BINS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(O)/lib/libshmchan.a $(O)/lib/libshmchan.so $(DESTDIR)$(PREFIX)/lib
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(PREFIX)/include/shmchan
	sed 's|@PREFIX@|$(PREFIX)|' shmchan/shmchan.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/shmchan.pc

clean:
	rm -rf build

help:
	@echo 'targets:'
	@echo '  all       libraries and programs, in build/lib and build/bin'
	@echo '  deps      install missing Debian packages (root), or print the apt-get line'
	@echo '  run       validate real mainnet blocks while services are killed'
	@echo '  test      unit tests and tests with real processes and real kills'
	@echo '  bench     print the table of measurements, write build/bench/*.json'
	@echo '  bench-eth bench-sup  the parts of it about the consensus engine, and about supervisors'
	@echo '  chaos     10,000 random kills of services and their supervisor under load (long)'
	@echo '  crash     kill after every instruction of every operation of every channel kind (minutes)'
	@echo '  check-deps the Debian packages that some tests check more with'
	@echo '  bench-deps the Debian packages that shmchan is measured against'
	@echo '  asan tsan the tests, built with that sanitizer'
	@echo '  fuzz      run the fuzz targets, FUZZ_SECONDS (600) each, with asan and ubsan'
	@echo '  crowd     four producers and two consumers of every kind, killed at random: 10^8 messages on each'
	@echo '  aarch64   the tests of shmchan, cross-built, under qemu-user'
	@echo '  model     the protocols, with death as a transition, checked by Spin; seeded mistakes are found'
	@echo '  check     test, asan, tsan, aarch64, model and crash; both compilers, warnings as errors'
	@echo '  install   into DESTDIR PREFIX (now $(PREFIX))'
	@echo '  clean     remove build/'
	@echo 'settings: CC CFLAGS CONFIG=release|asan|tsan V=1 VECTORS=DIR PREFIX DESTDIR RUN_ARGS'
