/*
 * "Did you mean": the word of a list that is nearest to what was written.
 */
#ifndef V6_NEAREST_H
#define V6_NEAREST_H

#include "terms.h"

struct v6_nearest {
	struct v6_slice written; /* must outlive the search */
	const char *word;        /* the best so far, NULL while nothing is near enough */
	unsigned distance;
};

/* Starts a search. */
struct v6_nearest v6_nearest_to(struct v6_slice written);

/*
 * Offers one word; it is kept where it is nearer than all before it. Near is a
 * small number of letters added, left out, changed or swapped (case apart), or
 * the written text being the word's beginning.
 */
void v6_nearest_offer(struct v6_nearest *n, const char *word);

/* The nearest of a whole list, or NULL. */
const char *v6_nearest_of(enum v6_list list, struct v6_slice written);

#endif
