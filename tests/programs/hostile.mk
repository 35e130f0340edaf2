# What is preloaded instead of the shim, or beside it: a shim with one fault or another, which the
# tests' controls need, and another library that is there too.

hostile := $(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/programs/hostile/*.c))

programs: $(hostile)

$(hostile): $(BUILD)/%.so: %.c $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -D_GNU_SOURCE -fPIC -shared -MMD -MP -MT $@ $(CPPFLAGS) $(CFLAGS) \
		$(LDFLAGS) -o $@ $< -pthread -ldl

-include $(hostile:.so=.d)
