# Fuzz targets: make fuzz builds them all, make fuzz-run [T=NAME] [SECONDS=1200] runs them for so
# many CPU seconds each (tests/fuzz/run says what it prints), make fuzz-seeds only runs every seed
# and every input that once crashed one.

fuzz_bin     := $(BUILD)/fuzz
fuzz_sources := $(wildcard tests/fuzz/*.c)
fuzz_targets := $(patsubst tests/fuzz/%.c,$(fuzz_bin)/%,$(fuzz_sources))
SECONDS      ?= 1200

# The compiler is found when it is needed, not whenever make reads this.
fuzz_cc    = $$(cat $(fuzz_bin)/compiler)
fuzz_flags = -std=c11 $(warnings) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O1 -g \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-DV6_LIBDIR='"$(LIBDIR)"' -Ishim -MMD -MP

# The sources that a target needs besides its own; all have core.
fuzz_core    := $(patsubst %.c,$(fuzz_bin)/obj/%.o,$(wildcard shim/core/*.c))
fuzz_preload := $(patsubst %.c,$(fuzz_bin)/obj/%.o,$(wildcard shim/preload/*.c))
fuzz_command := $(patsubst %.c,$(fuzz_bin)/obj/%.o,$(wildcard shim/command/*.c))

.PHONY: fuzz fuzz-run fuzz-seeds

fuzz: $(fuzz_targets)

fuzz-run: fuzz
	$(Q)tests/fuzz/run -b $(fuzz_bin) -t $(SECONDS) $(or $(T),$(notdir $(fuzz_targets)))

fuzz-seeds: fuzz
	$(Q)tests/fuzz/run -b $(fuzz_bin) -t 0 $(or $(T),$(notdir $(fuzz_targets)))

$(fuzz_bin)/compiler: tests/fuzz/compiler
	$(Q)mkdir -p $(@D)
	$(Q)tests/fuzz/compiler >$@

# What was built with other flags is built again; what the shim was built with is no matter here.
$(fuzz_bin)/flags: $(fuzz_bin)/compiler FORCE
	$(Q)printf '%s\n' "$(fuzz_cc) $(fuzz_flags)" | cmp -s - $@ || \
		printf '%s\n' "$(fuzz_cc) $(fuzz_flags)" >$@

# Two of the shim's names are the fuzzer's or libc's: its main, and the interposed calls, which a
# differential target calls beside libc's own.
$(fuzz_bin)/obj/shim/command/main.o: fuzz_names = -Dmain=v6_command_main \
	-Wno-missing-prototypes
$(fuzz_bin)/obj/shim/preload/calls.o: fuzz_names = \
	$(foreach c,socket setsockopt bind listen getaddrinfo,-D$(c)=v6_shim_$(c))

$(fuzz_bin)/obj/%.o: %.c $(fuzz_bin)/flags
	$(SAY) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(fuzz_cc) $(fuzz_flags) -fsanitize=fuzzer-no-link $(fuzz_names) -c -o $@ $<

$(fuzz_bin)/calls: $(fuzz_preload)
$(fuzz_bin)/programs $(fuzz_bin)/report: $(fuzz_command)
$(fuzz_targets): $(fuzz_bin)/%: $(fuzz_bin)/obj/tests/fuzz/%.o $(fuzz_core)
	$(SAY) LINK $@
	$(Q)$(fuzz_cc) $(fuzz_flags) -fsanitize=fuzzer -o $@ $^ -ldl

-include $(patsubst %.c,$(fuzz_bin)/obj/%.d,$(fuzz_sources))
-include $(fuzz_core:.o=.d) $(fuzz_preload:.o=.d) $(fuzz_command:.o=.d)
