/*
 * The report for a person (DESIGN.md 1.7), on standard output.
 */
#ifndef V6_REPORT_TEXT_H
#define V6_REPORT_TEXT_H

#include "report_input.h"
#include "report_view.h"

/* `colour`: with the terminal's escape sequences. false where there is no memory. */
bool v6_report_text(const struct v6_input *in, const struct v6_view *view, bool colour);

#endif
