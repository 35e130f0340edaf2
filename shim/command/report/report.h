/*
 * The report on standard output: for a person, and for a machine as one JSON object.
 */
#ifndef V6_REPORT_H
#define V6_REPORT_H

#include "input.h"
#include "model.h"

void v6_report_page(const struct v6_input *in, const struct v6_model *m);

/* `check` is what --check answers. */
void v6_report_json(const struct v6_input *in, const struct v6_model *m, int check);

#endif
