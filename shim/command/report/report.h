/*
 * The report, as it is printed on standard output.
 */
#ifndef V6_REPORT_H
#define V6_REPORT_H

#include "input.h"
#include "view.h"

/* What --check answers: V6_EXIT_NO where something is unresolved, denied, out of order or lost. */
int v6_report_check(const struct v6_gather *g);

/* For a person, `width` columns wide (v6_terminal_width()). */
void v6_report_page(const struct v6_input *in, struct v6_view *view, bool colour, unsigned width);

/* For a machine: one JSON object. */
void v6_report_json(const struct v6_input *in, struct v6_view *view);

#endif
