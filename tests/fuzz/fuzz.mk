# Fuzz targets: make fuzz builds them all, make fuzz-run [T=NAME] [SECONDS=1200] runs them for so
# many seconds each (tests/fuzz/run says what it prints; SECONDS=0: only every seed and every input
# that once crashed one). FUZZ_CC is a compiler with libFuzzer.

fuzz_bin     := $(BUILD)/fuzz
fuzz_sources := $(wildcard tests/fuzz/*.c)
fuzz_targets := $(patsubst tests/fuzz/%.c,$(fuzz_bin)/%,$(fuzz_sources))
SECONDS      ?= 1200
FUZZ_CC      ?= clang

fuzz_flags = -std=c11 $(warnings) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -O1 -g -fPIC \
	-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all \
	-DV6_LIBDIR='"$(LIBDIR)"' -Ishim -MMD -MP

# All have core; those of programs and logs have the command.
fuzz_object   = $(patsubst %.c,$(fuzz_bin)/obj/%.o,$(wildcard $(addsuffix /*.c,$1)))
fuzz_core    := $(call fuzz_object,shim/core)
fuzz_command := $(call fuzz_object,shim/govern shim/supervise shim/command shim/command/*)

.PHONY: fuzz fuzz-run

fuzz: $(fuzz_targets)

fuzz-run: fuzz
	$(Q)tests/fuzz/run -b $(fuzz_bin) -t $(SECONDS) $(or $(T),$(notdir $(fuzz_targets)))

# What was built with other flags is built again; what the shim was built with is no matter here.
$(fuzz_bin)/flags: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' '$(FUZZ_CC) $(fuzz_flags)' | cmp -s - $@ || printf '%s\n' '$(FUZZ_CC) $(fuzz_flags)' >$@

# The shim's main has the fuzzer's name.
$(fuzz_bin)/obj/shim/command/main.o: fuzz_names = -Dmain=v6_command_main -Wno-missing-prototypes

$(fuzz_bin)/obj/%.o: %.c $(fuzz_bin)/flags
	$(SAY) FUZZ $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer-no-link $(fuzz_names) -c -o $@ $<

$(fuzz_bin)/programs $(fuzz_bin)/record $(fuzz_bin)/report: $(fuzz_command)
$(fuzz_targets): $(fuzz_bin)/%: $(fuzz_bin)/obj/tests/fuzz/%.o $(fuzz_core)
	$(SAY) LINK $@
	$(Q)$(FUZZ_CC) $(fuzz_flags) -fsanitize=fuzzer -rdynamic -o $@ $^ -ldl

-include $(patsubst %.c,$(fuzz_bin)/obj/%.d,$(fuzz_sources))
-include $(fuzz_core:.o=.d) $(fuzz_command:.o=.d)
