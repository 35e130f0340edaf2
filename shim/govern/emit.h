/* From a record to a line in the log. */
#pragma once

#include "../core/record.h"
#include "live.h"

/* Whether a record of this level is to be written at all. */
static inline bool v6_emit_wants(enum v6_log_level level)
{
	return v6_live.logging && level <= v6_live.config->settings.level;
}

/*
 * Writes the record where its level is wanted, and fills in its time, and this process's id where
 * the record has none; program and via are the caller's. The first record of a process is preceded
 * by its load record, which one of V6_EVENT_LOAD merely asks for, and one that comes
 * after records were lost by a lost record. errno is spoilt.
 */
void v6_emit(struct v6_record *r);

/* Whether this process told of no IPv4 socket there yet, as far as it remembers. */
bool v6_emit_first(int proto, uint16_t port);

/* What must be said whatever the log is: see v6_log_complain(). No newline. */
void v6_emit_complain(struct v6_slice program, struct v6_slice message);
