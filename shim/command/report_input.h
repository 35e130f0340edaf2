/*
 * From files to what was gathered: which files belong together, in which order
 * they are read, and the lines that are no records.
 */
#ifndef V6_REPORT_INPUT_H
#define V6_REPORT_INPUT_H

#include <signal.h>

#include "report_gather.h"
#include "report_source.h"

/* So many of the lines that are no records are shown. */
enum { V6_DAMAGE_SHOWN = 10 };

struct v6_damage {
	const char *name;
	uint64_t line;
	char reason[160];
};

struct v6_input {
	struct v6_gather gather;
	struct v6_source *sources;
	unsigned count;
	struct v6_slice *logs; /* their names, by number: the files', rotation apart */
	unsigned log_count;
	struct v6_reader reader;
	char *scratch; /* of the parser */
	struct v6_damage damage[V6_DAMAGE_SHOWN];
	uint64_t damaged; /* all of them but those of the text format */
	/* While following: what is new is told at once. NULL: not now. */
	void (*tell_record)(const struct v6_record *r);
	void (*tell_damage)(const struct v6_damage *d);
	volatile const sig_atomic_t *stop; /* reading ends where it is not 0 */
};

/* The files of the command line. false where there is no memory. */
bool v6_input_init(struct v6_input *in, char **names, unsigned count);
void v6_input_free(struct v6_input *in);

/*
 * Reads all files to their ends, rotated ones oldest first. What cannot be read is
 * told on standard error, and is in sources[].error. With `follow` the files stay open,
 * what cannot be read is not told, and nothing is read but regular files. false
 * where there is no memory.
 */
bool v6_input_read(struct v6_input *in, bool follow);

/* "x.jsonl: no such file or directory", on standard error, once. */
void v6_input_complain(struct v6_source *s);

/* Whether one file could not be read. */
bool v6_input_failed(const struct v6_input *in);

/* Lines of the text format, in all files. */
uint64_t v6_input_texts(const struct v6_input *in);

#endif
