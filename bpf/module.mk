# The BPF program, its skeleton and the loader. Needs clang, bpftool and the running kernel's BTF; where one is missing
# the library says so at run time instead (absent.c).
BPFTOOL ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
BTF     ?= /sys/kernel/btf/vmlinux
BPF_MULTIARCH := $(shell gcc -print-multiarch 2>/dev/null)
BPF_MISSING := $(strip \
	$(if $(shell command -v $(CLANG)),,clang) \
	$(if $(BPFTOOL),,bpftool) \
	$(if $(wildcard $(BTF)),,BTF of the running kernel in $(BTF)) \
	$(if $(wildcard /usr/include/bpf/usdt.bpf.h /usr/include/$(BPF_MULTIARCH)/bpf/usdt.bpf.h),,libbpf-dev))
BPF_ARCH := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))

LIBS += watch
ifeq ($(BPF_MISSING),)
watch_SRC    := bpf/watch.c bpf/files.c bpf/events.c bpf/pin.c bpf/sample.c
watch_LDLIBS := -lbpf -lelf -lz
watch_ORDER  := $(O)/gen/bpf/chan.skel.h $(O)/gen/bpf/sample.skel.h
else
watch_SRC      := bpf/absent.c
watch_CPPFLAGS := '-DWATCH_MISSING="$(BPF_MISSING)"'
endif

# Order only: any kernel's types do, and the file in /sys looks new at every boot.
$(O)/gen/vmlinux.h: | $(BTF)
	$(call say,BTF)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) btf dump file $(BTF) format c >$@

.PRECIOUS: $(O)/obj/%.bpf.o $(O)/gen/%.skel.h
$(O)/obj/%.bpf.o: %.bpf.c $(O)/gen/vmlinux.h
	$(call say,BPF)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter $(if $(filter true,$(CI)),-Werror) \
		-D__TARGET_ARCH_$(BPF_ARCH) -I. -I$(O)/gen -I/usr/include/$(BPF_MULTIARCH) -MMD -MP -c -o $@ $<

$(O)/gen/%.skel.h: $(O)/obj/%.bpf.o
	$(call say,SKEL)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name $(basename $(notdir $*))_bpf >$@

-include $(wildcard $(O)/obj/bpf/*.bpf.d)
