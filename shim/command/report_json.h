/*
 * The report for machines: one JSON object on one line of standard output.
 */
#ifndef V6_REPORT_JSON_H
#define V6_REPORT_JSON_H

#include "report_input.h"
#include "report_view.h"

/* `check`: what --check would exit with. false where there is no memory. */
bool v6_report_json(const struct v6_input *in, const struct v6_view *view, int check);

/* What the object holds, for --help. */
extern const char v6_report_json_help[];

#endif
