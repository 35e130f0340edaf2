/*
 * From a record to a line in the log.
 */
#ifndef V6_EMIT_H
#define V6_EMIT_H

#include "../core/record.h"
#include "live.h"

/* Whether a record of this level is to be written at all. */
static inline bool v6_emit_wanted(enum v6_level level)
{
	return v6_live.logging && level <= (enum v6_level)v6_live.settings.level;
}

/*
 * Fills in time, pid, tid and program, and writes the record where its level is
 * wanted. The first record of a process is preceded by its load record, and one
 * that comes after records were lost by a lost record. errno is spoilt.
 */
void v6_emit(struct v6_record *r);

/* The load record, where level `all` wants it right away. */
void v6_emit_load(void);

#endif
