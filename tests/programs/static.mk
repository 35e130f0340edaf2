# The driver as a program that no library can be preloaded into. That its getaddrinfo would want the
# libc's own libraries at run time is no matter here: it is asked for numbers alone.

$(BUILD)/tests/programs/static/drive: tests/programs/drive.c tests/programs/common.h $(BUILD)/flags
	$(SAY) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=c11 $(warnings) -D_GNU_SOURCE $(CPPFLAGS) $(CFLAGS) -static -o $@ $< -pthread 2>$@.warnings || \
		{ cat $@.warnings >&2; exit 1; }
