# v6shim: make, make demo, make test, make install; make help names the rest. See README.md.
#
# CC, CFLAGS, CPPFLAGS and LDFLAGS are the user's: they come last and are never
# overwritten. BUILD is where everything goes, so that several builds can stand
# side by side: make BUILD=build/clang CC=clang

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
LIBDIR  ?= $(PREFIX)/lib
MANDIR  ?= $(PREFIX)/share/man
DESTDIR ?=
BUILD   ?= build
CFLAGS  ?= -O2 -g

ifneq ($(V),1)
Q = @
SAY = @printf '  %-6s %s\n'
else
SAY = @:
endif

warnings := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wpointer-arith -Wvla $(if $(CI),-Werror)
# FORTIFY needs an optimising compiler to do anything but warn.
fortify := $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
# Where it was built does not show in what was built.
c_flags  = -std=c11 $(warnings) -fPIC -fvisibility=hidden -ffunction-sections -fdata-sections -fstack-protector-strong \
	-ffile-prefix-map=$(CURDIR)=. \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(fortify) -MMD -MP $(CPPFLAGS) $(CFLAGS)
ld_flags = -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
ld_shared = -shared -Wl,-soname,libv6shim.so,-u,v6_marker,-z,defs,-z,nodelete,--version-script=shim/preload/libv6shim.map

# What is built against a new glibc runs on the old systems of legacy servers. For each machine, by its predefined
# macros: glibc's first version there, and the newest that the symbols of the library, and of the command, may be
# of. Other machines and other libcs take what the compiler gives. A stand-in for libdl, where dlsym was before 2.34, offers
# `pinned` to the linker as of that first version: link-time optimisation cannot undo that, and the dynamic linker
# finds a symbol by its name and version, in whichever library.
glibc := __x86_64__&&__LP64__:2.2.5:2.4:2.8 __i386__:2.0:2.4:2.8 __arm__:2.4:2.4:2.8 __s390x__:2.2:2.4:2.8 \
	__powerpc64__&&!__LITTLE_ENDIAN__:2.3:2.4:2.8 __powerpc64__&&__LITTLE_ENDIAN__:2.17:2.17:2.17 \
	__aarch64__:2.17:2.17:2.17 __riscv&&__LP64__:2.27:2.27:2.27
pinned := dlopen dlsym memcpy __libc_start_main

core    := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/core/*.c))
govern  := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/govern/*.c))
preload := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/preload/*.c))
supervise := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/supervise/*.c))
command := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/command/*.c shim/command/*/*.c))
examples := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
programs := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/programs/*.c))
units    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
manuals  := $(wildcard shim/man/*.[157])
# What Tab offers, and where each shell looks for it.
completions := v6shim.bash:bash-completion/completions/v6shim _v6shim:zsh/site-functions/_v6shim \
	v6shim.fish:fish/vendor_completions.d/v6shim.fish

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all examples programs units demo test check test-all test-rest test-servers test-kernels test-deps install install-strip \
	uninstall clean help FORCE

all: $(BUILD)/libv6shim.so $(BUILD)/v6shim

# What was built with other flags is built again.
$(BUILD)/flags: what = $(CC) $(c_flags) $(ld_flags)
$(BUILD)/libdir: what = $(LIBDIR)
$(BUILD)/flags $(BUILD)/libdir: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(what)' | cmp -s - $@ || printf '%s\n' '$(what)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(c_flags) $(defines) -c -o $@ $<
# The one unit that knows where the library is installed.
$(BUILD)/obj/shim/command/check/reach.o: defines = -DV6_LIBDIR='"$(LIBDIR)"'
$(BUILD)/obj/shim/command/check/reach.o: $(BUILD)/libdir

$(BUILD)/libv6shim.so: $(core) $(govern) $(preload) shim/preload/libv6shim.map $(BUILD)/glibc/flags
	$(SAY) LINK $@
	$(Q)$(CC) $(c_flags) $(ld_flags) $(ld_shared) -o $@ $(core) $(govern) $(preload) @$(BUILD)/glibc/flags -ldl

$(BUILD)/v6shim: $(core) $(govern) $(supervise) $(command) $(BUILD)/glibc/flags
	$(SAY) LINK $@
	$(Q)$(CC) $(c_flags) $(ld_flags) -pie -o $@ $(core) $(govern) $(supervise) $(command) @$(BUILD)/glibc/flags

# Linker flags; none where the table has no line for what $(CC) builds for.
hash := \#
probe = '$(hash)if defined __GLIBC__ && $(word 1,$1)' '$(word 2,$1)' '$(hash)endif'
$(BUILD)/glibc/flags: Makefile $(BUILD)/flags
	$(Q)mkdir -p $(@D)
	$(Q)first=$$(printf '%s\n' '$(hash)include <limits.h>' $(foreach m,$(glibc),$(call probe,$(subst :, ,$m))) | \
		$(CC) $(CPPFLAGS) $(CFLAGS) -E -P -x c - | tr -d '[:space:]') && : >$@ && \
	if [ "$$first" ]; then echo "GLIBC_$$first { *; };" >$(@D)/map && printf 'void %s(void) {}' $(pinned) | \
		$(CC) $(filter -m% --target=% --sysroot=%,$(CPPFLAGS) $(CFLAGS) $(LDFLAGS)) -w -fno-builtin -fPIC \
			-nostdlib -shared -Wl,-soname,libdl.so.2,--version-script=$(@D)/map -o $(@D)/libdl.so.2 -x c - && \
		echo '-Wl,--hash-style=both $(@D)/libdl.so.2' >$@; fi

# Unmodified programs: they know nothing of v6shim, nor of its flags.
$(examples) $(programs): $(BUILD)/%: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -D_GNU_SOURCE -MMD -MP $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $<

# They check dates up to the year 9999 against libc's, on machines with a 32-bit time_t as well.
$(units): $(BUILD)/%: %.c $(core) $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(c_flags) -D_TIME_BITS=64 -Ishim $(LDFLAGS) -o $@ $< $(filter %.o,$^) -lcmocka
$(BUILD)/tests/unit/record_read: $(BUILD)/obj/shim/command/report/reader.o

examples: $(examples)
programs: $(programs)
units: $(units)

demo: all examples $(BUILD)/tests/programs/reach
	$(Q)DEMO_BUILD=$(BUILD) examples/demo

# What a change needs; everything; what the first leaves to the second; real servers, those that are
# installed (the table is in $(BUILD)/servers.md afterwards); other kernels, in machines that qemu makes. T=NAME: the files whose name has NAME in it.
test: suites = $(or $(T),unit e2e few)
test-all: suites = $(T)
test-rest: suites = more long kernels $(T)
test-servers: suites = servers $(T)
test-kernels: suites = kernels $(T)
check: test
test test-all test-rest test-servers test-kernels: all examples programs
	$(Q)tests/deps small
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) units
	$(Q)V6SHIM_BUILD=$(abspath $(BUILD)) tests/run $(suites)

test-deps:
	$(Q)V6SHIM_BUILD=$(abspath $(BUILD)) tests/deps all

# The manual pages name the places of this installation. The dynamic linker's cache is brought up to date where
# that may be done; elsewhere, and for a LIBDIR that the linker does not search, LD_PRELOAD takes the whole path.
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)
	install $(strip_option) -m 755 $(BUILD)/v6shim $(DESTDIR)$(BINDIR)/v6shim
	install $(strip_option) -m 644 $(BUILD)/libv6shim.so $(DESTDIR)$(LIBDIR)/libv6shim.so
	$(foreach m,$(manuals),install -D -m 644 $(m) $(call manual,$(m)) && \
		sed -i 's|/usr/local/lib|$(LIBDIR)|g; s|/usr/local/bin|$(BINDIR)|g' $(call manual,$(m)) &&) :
	$(foreach c,$(completions),install -D -m 644 shim/completion/$(subst :, $(DESTDIR)$(PREFIX)/share/,$(c)) &&) :
	$(if $(DESTDIR),,-ldconfig 2>/dev/null)
	@echo 'installed: $(BINDIR)/v6shim run --policy ipv6-only -- SERVER'
	@echo '       or: LD_PRELOAD=$(LIBDIR)/libv6shim.so V6SHIM_POLICY=ipv6-only SERVER'

install-strip: strip_option = -s
install-strip: install

manual = $(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $1))/$(notdir $1)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/v6shim $(DESTDIR)$(LIBDIR)/libv6shim.so
	rm -f $(foreach m,$(manuals),$(call manual,$(m)))
	rm -f $(foreach c,$(completions),$(DESTDIR)$(PREFIX)/share/$(lastword $(subst :, ,$(c))))

clean:
	rm -rf $(BUILD)

help:
	@echo 'make                 $(BUILD)/libv6shim.so and $(BUILD)/v6shim'
	@echo 'make demo            the main job, on real servers'
	@echo 'make test, check     what a change needs, in six minutes; make test-all: everything'
	@echo 'make install         and install-strip, uninstall: PREFIX, BINDIR, LIBDIR, MANDIR, DESTDIR'
	@echo 'make deb, rpm        packages'
	@echo 'make clean           removes $(BUILD)'
	@echo 'CC, CFLAGS, CPPFLAGS and LDFLAGS are yours; V=1 shows the commands; BUILD=DIR builds there'

# What has a subject of its own: fuzz targets, benchmarks, other machines, packages.
include $(wildcard tests/*/*.mk examples/packaging/*.mk)

-include $(core:.o=.d) $(govern:.o=.d) $(supervise:.o=.d) $(preload:.o=.d) $(command:.o=.d)
-include $(addsuffix .d,$(examples) $(programs) $(units))
