# v6shim: make, make demo, make test, make install. See README.md.
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
c_flags  = -std=c11 $(warnings) -fPIC -fvisibility=hidden -fstack-protector-strong \
	-D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 $(fortify) -MMD -MP $(CPPFLAGS) $(CFLAGS)
ld_flags = -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
ld_shared = -shared -Wl,-z,defs,-z,nodelete,--version-script=shim/preload/libv6shim.map

core    := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/core/*.c))
preload := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/preload/*.c))
command := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard shim/command/*.c))
examples := $(patsubst %.c,$(BUILD)/%,$(wildcard examples/*.c))
programs := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/programs/*.c))
units    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/*.c))
manuals  := $(wildcard shim/man/*.[157])

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all examples programs units demo test test-servers test-deps install uninstall clean FORCE

all: $(BUILD)/libv6shim.so $(BUILD)/v6shim

# What was built with other flags is built again.
flags = $(CC) $(c_flags) $(ld_flags) $(LIBDIR)
$(BUILD)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(flags)' | cmp -s - $@ || printf '%s\n' '$(flags)' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(c_flags) -DV6_LIBDIR='"$(LIBDIR)"' -c -o $@ $<

$(BUILD)/libv6shim.so: $(core) $(preload) shim/preload/libv6shim.map
	$(SAY) LINK $@
	$(Q)$(CC) $(c_flags) $(ld_flags) $(ld_shared) -o $@ $(core) $(preload) -ldl

$(BUILD)/v6shim: $(core) $(command)
	$(SAY) LINK $@
	$(Q)$(CC) $(c_flags) $(ld_flags) -pie -o $@ $^

# Unmodified programs: they know nothing of v6shim, nor of its flags.
$(examples) $(programs): $(BUILD)/%: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -D_GNU_SOURCE -MMD -MP $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $<

$(units): $(BUILD)/%: %.c $(core) $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(c_flags) -Ishim $(LDFLAGS) -o $@ $< $(core) -lcmocka

examples: $(examples)
programs: $(programs)
units: $(units)

demo: all examples $(BUILD)/tests/programs/reach
	$(Q)DEMO_BUILD=$(BUILD) examples/demo

# T=NAME runs the files whose name has NAME in it.
test: all examples programs
	$(Q)tests/deps small
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD) units
	$(Q)V6SHIM_BUILD=$(abspath $(BUILD)) tests/run $(T)

# Real servers, those that are installed; T=nginx for one. The table is in $(BUILD)/servers.md afterwards.
test-servers: all programs
	$(Q)tests/deps small
	$(Q)V6SHIM_BUILD=$(abspath $(BUILD)) tests/run servers $(T)

test-deps:
	$(Q)tests/deps all

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)
	install -m 755 $(BUILD)/v6shim $(DESTDIR)$(BINDIR)/v6shim
	install -m 644 $(BUILD)/libv6shim.so $(DESTDIR)$(LIBDIR)/libv6shim.so
	$(foreach m,$(manuals),install -D -m 644 $(m) \
		$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)) &&) :

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/v6shim $(DESTDIR)$(LIBDIR)/libv6shim.so
	rm -f $(foreach m,$(manuals),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(m)))/$(notdir $(m)))

clean:
	rm -rf $(BUILD)

# What has a subject of its own: fuzz targets, benchmarks, other machines, packages.
include $(wildcard tests/*/*.mk examples/packaging/*.mk)

-include $(core:.o=.d) $(preload:.o=.d) $(command:.o=.d)
-include $(addsuffix .d,$(examples) $(programs) $(units))
