/*
 * One line of JSON -> one record, by the tables of core/record.h that the writer goes by too.
 *
 * No byte outside the line is read. Sources: RFC 8259, RFC 3339, RFC 4291 2.2, DESIGN.md 1.6.
 */
#ifndef V6_REPORT_READER_H
#define V6_REPORT_READER_H

#include "../../core/record.h"

enum { V6_LINE_MAX = 65536 }; /* bytes, its newline not counted */

/*
 * Keys in any order; an unknown one is skipped, whatever its value. Strings are UTF-8, and slices of
 * the line or of `scratch`, which is as large as the line; both must outlive the record. false where
 * the line is no record, with the reason in `why`.
 */
bool v6_read_record(struct v6_record *r, struct v6_slice line, char *scratch, struct v6_text *why);

struct v6_read_setting {
	struct v6_slice value, origin; /* ptr NULL: default */
};

/*
 * The settings of a load record, by enum v6_setting, until the next are read. false: there are none.
 */
bool v6_read_settings(struct v6_read_setting s[V6_SETTING_COUNT], struct v6_slice text);

#endif
