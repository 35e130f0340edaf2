/*
 * Following logs as they grow: rotation, truncation and files that come later
 * are seen, as tail -F sees them.
 */
#ifndef V6_REPORT_FOLLOW_H
#define V6_REPORT_FOLLOW_H

#include "report_input.h"

/*
 * Reads what is there, then tells each new record on standard output as it comes,
 * one line each: `json` as it was, otherwise the time and the text form. Ends at
 * SIGINT or SIGTERM, or when there is nothing left that could grow. false where
 * there is no memory.
 */
bool v6_follow(struct v6_input *in, bool json);

#endif
