# make lint            every static analyser, on shim/ and on the scripts; lint-TOOL for one: tests/analysis/lint
# make coverage        the unit tests' coverage of shim/core; every branch of $(covered) must be reached
# make test-sanitize [T=address|trap]   unit, command and end-to-end tests: tests/analysis/sanitize

lint_tools := tidy cppcheck analyzer shell format
lint_flags  = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DV6_LIBDIR='"$(LIBDIR)"'
covered    := policy.c config.c settings.c

.PHONY: lint $(lint_tools:%=lint-%) coverage test-sanitize

lint: $(lint_tools:%=lint-%)

lint-tidy lint-analyzer lint-cppcheck: lint-%:
	$(SAY) LINT $*
	$(Q)tests/analysis/lint $* $(if $(filter cppcheck,$*),$(filter -D%,$(lint_flags)),$(lint_flags))

lint-shell lint-format: lint-%:
	$(SAY) LINT $*
	$(Q)tests/analysis/lint $*

# Not optimised: each condition of the source keeps branches of its own.
coverage:
	$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/coverage CC=gcc CPPFLAGS= LDFLAGS= \
		CFLAGS='-O0 -g --coverage' units
	$(Q)tests/analysis/coverage $(BUILD)/coverage $(covered)

# Of the address build all is instrumented, so that the runtime is the first library of every program.
# Alignment is left out of trap: the library takes what alignment the application's pointers have; and
# valgrind, which some tests use, reads no later DWARF than clang's 4.
sanitize    := $(BUILD)/sanitize
sanitizers  := $(or $(filter address trap,$(T)),address trap)
sanitized    = $(MAKE) --no-print-directory BUILD=$(sanitize)/$(1) CC=$(2) CFLAGS='$(3)' \
	all examples programs units bench-programs

.PHONY: $(sanitizers:%=sanitized-%)

sanitized-address:
	$(Q)$(call sanitized,address,gcc,-O1 -g -fno-omit-frame-pointer \
		-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all)

sanitized-trap:
	$(Q)$(call sanitized,trap,clang,-O1 -gdwarf-4 -fsanitize=undefined -fsanitize-trap=undefined)

test-sanitize: $(sanitizers:%=sanitized-%)
	$(Q)tests/analysis/sanitize $(sanitize) $(sanitizers)
