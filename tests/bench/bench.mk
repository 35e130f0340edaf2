# make bench [T=calls|start|load|scale] [ROUNDS=n] [QUICK=1] [OUT=dir]: what v6shim costs, beside
# nothing and beside its peers. Leaves bench.json and bench.md in $(BUILD), or OUT. See tests/bench/run.

.PHONY: bench bench-programs

bench_programs := $(patsubst %.c,$(BUILD)/%,$(filter-out %/empty.c,$(wildcard tests/bench/*.c)))
bench_empty := $(BUILD)/tests/bench/empty.so

# Unmodified programs, as those of tests/programs.
$(bench_programs): $(BUILD)/%: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -D_GNU_SOURCE -MMD -MP $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $<

$(bench_empty): %.so: tests/bench/empty.c $(BUILD)/flags
	$(SAY) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -fPIC -shared $(CPPFLAGS) $(CFLAGS) $(ld_flags) -o $@ $<

bench-programs: $(bench_programs) $(bench_empty)

# bench.bats, of tests/e2e and tests/long, runs them.
test test-all test-rest: bench-programs

bench: all programs bench-programs
	$(Q)tests/deps bench
	$(Q)BENCH_COMPILER="$$($(CC) --version | head -n 1)" BENCH_FLAGS='$(CFLAGS)' \
		tests/bench/run --build $(BUILD) $(if $(OUT),--out $(OUT)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) $(T)

-include $(addsuffix .d,$(bench_programs))
