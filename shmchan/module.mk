LIBS += shmchan
shmchan_SRC := $(sort $(wildcard shmchan/*.c))
# Probe sites in leaf functions: on kernels that optimise uprobes the red zone below the stack pointer is written over.
shmchan_CFLAGS := $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),-mno-red-zone)
PUBLIC_HEADERS += shmchan/err.h shmchan/shmchan.h shmchan/broker.h shmchan/view.h shmchan/edit.h

EXTRA_LIBS += $(O)/lib/libshmchan.so
$(O)/lib/libshmchan.so: $(patsubst %.c,$(O)/obj/%.o,$(shmchan_SRC))
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libshmchan.so -o $@ $^

.PHONY: install-shmchan
install: install-shmchan
install-shmchan:
	install -d $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
	install -m 644 shmchan/examples/squares.c $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
