/*
 * The parts of the gathering among themselves: processes, sockets, trouble.
 */
#ifndef V6_REPORT_STORE_H
#define V6_REPORT_STORE_H

#include "report_gather.h"

enum { V6_NOBODY = -1, V6_HEADS = 1 << 16 };

/*
 * Room for one more in an array: the array, which may have moved, or NULL where
 * it has reached its limit or memory its end. It is not counted yet.
 */
void *v6_store_grow(void *array, int32_t count, int32_t *room, size_t size, int32_t limit);

/* The address, scope and port included. */
bool v6_same_address(const struct v6_address *a, const struct v6_address *b);
uint64_t v6_hash_address(uint64_t hash, const struct v6_address *a);

/* Whether the call on a socket failed. */
bool v6_store_failed(const struct v6_record *r);

/* report_processes.c */

/* The process that the record is of, an old one or a new one; V6_NOBODY where there is no room. */
int32_t v6_store_process(struct v6_gather *g, int32_t log, const struct v6_record *r);

/* Its load record. */
void v6_store_load(struct v6_gather *g, int32_t process, const struct v6_record *r);

/* There is something to show of the process. */
void v6_store_rouse(struct v6_gather *g, int32_t process);

/* Its records are over. Without anything to show it is counted, and its place is free. */
void v6_store_end_process(struct v6_gather *g, int32_t process);

/* Its place is free, whatever there was to show; its sockets and trouble are the caller's. */
void v6_store_drop_process(struct v6_gather *g, int32_t process);

/* report_sockets.c */

/* A bind, listen or inherit record. The place of a failure, otherwise V6_NOBODY. */
int32_t v6_store_socket(struct v6_gather *g, int32_t process, const struct v6_record *r);

/* Puts it into the hash chain of its process and descriptor, or of its address. */
void v6_store_link_listener(struct v6_gather *g, int32_t listener);
void v6_store_link_place(struct v6_gather *g, int32_t place);

/* report_troubles.c */

/* The kind, or V6_TROUBLE_KINDS for a record of none. */
enum v6_trouble_kind v6_store_kind(const struct v6_record *r);

void v6_store_trouble(struct v6_gather *g, int32_t process, int32_t place,
	enum v6_trouble_kind kind, const struct v6_record *r);

/* It is counted, and not kept. */
void v6_store_leave_trouble(
	struct v6_gather *g, enum v6_trouble_kind kind, const struct v6_record *r);

/* Puts it into its hash chain. */
void v6_store_link_trouble(struct v6_gather *g, int32_t trouble);

/* report_compact.c */

/*
 * Makes room where an array is nearly full: processes that look alike become one,
 * and if that is not enough the middle ones are let go. Indices of listeners,
 * troubles and places change.
 */
void v6_store_compact(struct v6_gather *g);

#endif
