/*
 * What was gathered, arranged to be shown: processes in order, those that look
 * alike as one block, and each one's sockets in the order in which they were bound.
 */
#ifndef V6_REPORT_VIEW_H
#define V6_REPORT_VIEW_H

#include "report_gather.h"

/* Processes of one program that differ in their pids and times alone. */
struct v6_block {
	const struct v6_process *process; /* the first of them */
	const int32_t *members;           /* all of them, the first included, by age */
	unsigned member_count;
	const int32_t *listeners; /* of the first, in bind order, without the dead */
	unsigned listener_count;
};

/* Who serves a port; sorted by log, protocol, port, process. */
struct v6_served {
	int32_t log;
	int32_t process;
	int proto;
	uint16_t port;
	uint8_t serves; /* V6_SERVES_* */
};

/* All memory is the view's; it is valid as long as the gather is left alone. */
struct v6_view {
	const struct v6_gather *gather;
	struct v6_block *blocks;
	struct v6_served *served;
	int32_t *members, *listeners;
	int32_t *block_of; /* by process */
	unsigned block_count, served_count;
};

/* false where there is no memory; it is to be freed either way. */
bool v6_view_build(struct v6_view *view, const struct v6_gather *gather);
void v6_view_free(struct v6_view *view);

/*
 * What a socket serves, V6_SERVES_* bits. Where the log has not told, it is what
 * the socket will serve once it listens, and *told is false.
 */
unsigned v6_listener_serves(const struct v6_listener *l, bool *told);

/* The same, had the mode been enforce. */
unsigned v6_listener_would_serve(const struct v6_listener *l, bool *told);

/* The process of another block's, of the same log, that serves that family there; or NULL. */
const struct v6_process *v6_view_elsewhere(const struct v6_view *view, const struct v6_block *block,
	int proto, uint16_t port, unsigned serves);

#endif
