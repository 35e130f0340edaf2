# make lint            every static analyser, on shim/ and on the scripts; lint-TOOL for one: tests/analysis/lint
# make coverage        the unit tests' coverage of shim/core; every branch of $(covered) must be reached
# make test-sanitize   unit, command and end-to-end tests with sanitizers: tests/analysis/sanitize

lint_tools := tidy cppcheck analyzer shell format
lint_flags  = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DV6_LIBDIR='"$(LIBDIR)"'
covered    := policy.c rules.c settings.c

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
# Valgrind, which some tests use, reads no later DWARF than clang's 4.
# Alignment is left out of trap: the library takes what alignment the application's pointers have.
sanitize := $(BUILD)/sanitize
test-sanitize:
	$(Q)$(MAKE) --no-print-directory BUILD=$(sanitize)/address CC=gcc \
		CFLAGS='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all' \
		all examples programs units bench-programs
	$(Q)$(MAKE) --no-print-directory BUILD=$(sanitize)/trap CC=clang \
		CFLAGS='-O1 -gdwarf-4 -fsanitize=undefined -fsanitize-trap=undefined' all examples programs units bench-programs
	$(Q)tests/analysis/sanitize $(sanitize) $(T)
