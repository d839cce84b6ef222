LIBS += shmchan
shmchan_SRC := $(sort $(wildcard shmchan/*.c))
# Probe sites in leaf functions: on kernels that optimise uprobes the red zone below the stack pointer is written over.
shmchan_CFLAGS := -momit-leaf-frame-pointer $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine 2>/dev/null)),-mno-red-zone)
PUBLIC_HEADERS += shmchan/err.h shmchan/shmchan.h shmchan/hot.h shmchan/inline.h shmchan/broker.h shmchan/view.h shmchan/edit.h

EXTRA_LIBS += $(O)/lib/libshmchan.so
$(O)/lib/libshmchan.so: $(patsubst %.c,$(O)/obj/%.o,$(shmchan_SRC))
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-soname,libshmchan.so -o $@ $^

# Section 3 is made from the headers; hot.h has nothing that a program calls.
SHMCHAN_MAN3 := $(O)/share/man/man3/.made
EXTRA_ALL += $(SHMCHAN_MAN3)
$(SHMCHAN_MAN3): shmchan/man/man3.awk shmchan/man/pages $(PUBLIC_HEADERS)
	$(call say,MAN)
	$(Q)rm -rf $(@D) && mkdir -p $(@D)
	$(Q)awk -v out=$(@D) -f shmchan/man/man3.awk shmchan/man/pages $(filter-out shmchan/hot.h,$(PUBLIC_HEADERS))
	$(Q)touch $@

.PHONY: install-shmchan
install: install-shmchan
install-shmchan: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/,doc/shmchan/examples man/man3 man/man7)
	install -m 644 shmchan/examples/squares.c $(DESTDIR)$(PREFIX)/share/doc/shmchan/examples
	install -m 644 $(O)/share/man/man3/*.3 $(DESTDIR)$(PREFIX)/share/man/man3
	install -m 644 shmchan/man/shmchan.7 $(DESTDIR)$(PREFIX)/share/man/man7
